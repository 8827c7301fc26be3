"""rotateSecret on a real API server: new values in the Secret and in the Pods, and in nothing that anybody reads."""

import base64
import json

import pytest

from e2e.harm import least_available, restarted_at, specs
from support.kube import Kube
from support.objects import Object, deployment, incident, playbook, reading, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

OLD = "hunter2-hunter2"


def rotating(**parameters: object) -> Object:
    return step("rotate", "rotateSecret", {"secret": "db", "keys": ["password"], **parameters})


def rotate(shop: Kube, *steps: Object, secret: Object | None = None) -> None:
    """Opens an incident on the healthy `web`, which reads the Secret `db` that these steps rotate."""
    shop.run("create", "secret", "generic", "db", f"--from-literal=password={OLD}", "--from-literal=user=shop")
    if secret:
        shop.patch("secret", "db", secret)
    shop.apply(reading(deployment("web"), "db", "password"))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("leak", *steps), incident("leak", "web", "leak"))


def ended(shop: Kube) -> Object:
    found: Object = shop.incident_in("leak", "Resolved", "Failed", seconds=90)["status"]
    return found


def value(secret: Object, key: str = "password") -> str:
    return base64.b64decode(secret["data"][key]).decode()


def kept(shop: Kube) -> list[Object]:
    return [item for item in shop.list("secrets") if item.get("type") == "paramedic.dev/secret-version"]


def state(obj: Object, name: str = "rotate") -> Object:
    steps = obj.get("status", {}).get("steps", [])
    return next((item for item in steps if item["name"] == name), {})


def test_a_rotation_reaches_the_pods_and_nobody_gets_to_see_the_values(shop: Kube, operator: Operator) -> None:
    rotate(shop, rotating(length=40))
    status = ended(shop)
    assert status["phase"] == "Resolved", status["message"]
    stored = shop.get("secret", "db")
    new = value(stored)
    assert (len(new), value(stored, "user")) == (40, "shop")
    assert restarted_at(shop.get("deployment", "web"))
    [before] = kept(shop)
    assert (value(before), before["immutable"]) == (OLD, True)

    assert [(item["name"], item["action"]) for item in status["plan"]["steps"]] == [
        ("evidence", "collectEvidence"), ("rotate", "rotateSecret"),
    ]  # fmt: skip
    told = json.dumps(shop.get("incident", "leak")) + json.dumps(shop.list("events")) + operator.log
    for text in (OLD, new, before["data"]["password"], stored["data"]["password"]):
        assert text not in told


def test_a_person_takes_a_rotation_back(shop: Kube, operator: Operator) -> None:
    rotate(shop, rotating())
    assert ended(shop)["phase"] == "Resolved"
    first = restarted_at(shop.get("deployment", "web"))
    shop.patch("incident", "leak", {"spec": {"undo": [{"step": "rotate", "by": "alice", "reason": "clients broke"}]}})

    found = shop.wait_for("incident", "leak", lambda obj: state(obj)["state"] == "Undone", seconds=90)
    assert state(found)["undo"]["message"] == "the values before are back in Secret/db, and Deployment/web with them"
    assert value(shop.get("secret", "db")) == OLD
    assert restarted_at(shop.get("deployment", "web")) > first
    assert kept(shop) == []


def test_at_the_end_of_its_time_the_kept_version_goes_and_the_new_value_stays(shop: Kube, operator: Operator) -> None:
    rotate(shop, rotating(ttl="20s"))
    assert ended(shop)["phase"] == "Resolved"
    new = value(shop.get("secret", "db"))
    found = shop.wait_for("incident", "leak", lambda obj: state(obj).get("undo", {}).get("state") == "Succeeded")
    assert state(found)["state"] == "Succeeded"
    assert (
        "the values before of Secret/db are deleted, since their time (ttl) is over" in state(found)["undo"]["message"]
    )
    assert kept(shop) == []
    assert value(shop.get("secret", "db")) == new != OLD


def test_a_kept_version_outlives_its_incident(shop: Kube, operator: Operator) -> None:
    rotate(shop, rotating())
    assert ended(shop)["phase"] == "Resolved"
    shop.run("delete", "incident", "leak")
    evidence = "type=paramedic.dev/evidence"
    shop.wait_for("namespace", shop.namespace, lambda _: not shop.list("secrets", "--field-selector", evidence))
    assert [value(item) for item in kept(shop)] == [OLD]


def test_a_value_that_the_pods_cannot_start_with_goes_back(
    shop: Kube, operator: Operator, broken_restarts: None
) -> None:
    rotate(shop, rotating())
    assert least_available(shop, "leak") == 3
    status = ended(shop)
    assert status["phase"] == "Failed"
    assert "Deployment/web: new Pod" in status["message"]
    assert status["steps"][1]["undo"]["state"] == "Succeeded", status["steps"][1]["undo"]
    assert value(shop.get("secret", "db")) == OLD
    assert not restarted_at(shop.get("deployment", "web"))
    assert kept(shop) == []


def test_a_secret_of_an_external_secret_is_to_be_rotated_there(shop: Kube, operator: Operator) -> None:
    owner = {
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "db", "uid": "7d6f1f5e-0000-4000-8000-1",
        "controller": True,
    }  # fmt: skip
    rotate(shop, rotating(), secret={"metadata": {"ownerReferences": [owner]}})
    before = specs(shop)
    status = ended(shop)
    assert (
        "Secret/db is written by ExternalSecret/db, which would write the old value back; rotate it there"
        in status["message"]
    )
    assert value(shop.get("secret", "db")) == OLD
    assert specs(shop) == before
    assert kept(shop) == []


def test_a_cron_job_that_would_keep_the_old_value_is_named_and_nothing_is_rotated(
    shop: Kube, operator: Operator
) -> None:
    template = reading(deployment("web"), "db", "password")["spec"]["template"]
    template["spec"]["restartPolicy"] = "Never"
    job = {
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report"},
        "spec": {"schedule": "0 4 * * *", "jobTemplate": {"spec": {"template": template}}},
    }  # fmt: skip
    shop.apply(job)
    rotate(shop, rotating())
    status = ended(shop)
    assert "no restart here reaches CronJob/report, which would keep the old value of Secret/db" in status["message"]
    assert value(shop.get("secret", "db")) == OLD
    assert not restarted_at(shop.get("deployment", "web"))


def test_a_dry_run_shows_each_write_and_no_value(shop: Kube, operator: Operator) -> None:
    shop.run("create", "secret", "generic", "db", f"--from-literal=password={OLD}")
    shop.apply(reading(deployment("web"), "db", "password"))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("leak", rotating()), incident("leak", "web", "leak", mode="DryRun"))
    found = shop.incident_in("leak", "Planned")
    changes = state(found)["changes"]
    assert [(item["verb"], item["object"].partition("/")[0]) for item in changes] == [
        ("create", "Secret"), ("patch", "Secret"), ("patch", "Deployment"),
    ]  # fmt: skip
    fields = {item["path"]: item.get("after") for item in changes[1]["fields"]}
    assert fields["data.password"] == '"(new random value, 32 characters)"'
    assert OLD not in json.dumps(found)
    assert base64.b64encode(OLD.encode()).decode() not in json.dumps(found)
    assert value(shop.get("secret", "db")) == OLD
