"""runJob on a real API server, with the Job controller; the Pods are simulated, their logs too."""

import base64
import gzip
import hashlib

import pytest

from e2e.harm import ended
from support.kube import Kube
from support.objects import Object, deployment, incident, playbook, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

OURS = "app.kubernetes.io/managed-by=paramedic"


def template(image: str = "localhost/tools:v1", **spec: object) -> Object:
    pod = {"spec": {"containers": [{"name": "restore", "image": image}]}}
    return {"template": pod, **spec}


def run(shop: Kube, name: str = "slow", *more: Object, options: Object | None = None, **params: object) -> None:
    """Opens an incident on `web` whose first step runs a Job."""
    if shop.find("deployment", "web") is None:
        shop.apply(deployment("web"))
        shop.rolled_out("deployment/web")
    shop.apply(playbook(name, step("mend", "runJob", params, **(options or {})), *more))
    shop.apply(incident(name, "web", name))


def mended(shop: Kube, name: str = "slow") -> Object:
    found: Object = ended(shop, name)["steps"][0]
    return found


def jobs(shop: Kube) -> list[Object]:
    return shop.list("jobs", "-l", OURS)


def cron_job(**spec: object) -> Object:
    job = {"spec": {"backoffLimit": 6, **template()}}
    job["spec"]["template"] = {"spec": {**template()["template"]["spec"], "restartPolicy": "OnFailure"}}
    body = {"schedule": "0 3 * * *", "jobTemplate": job, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "backup"}, "spec": body}


def test_a_job_is_run_once_within_bounds_and_its_log_is_kept_with_its_digest(shop: Kube, operator: Operator) -> None:
    run(shop, template=template(), deadline="2m")
    found = mended(shop)
    assert found["state"] == "Succeeded", found["message"]
    [job] = jobs(shop)
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (2, 120, 86_400)
    assert found["outputs"]["job"] == job["metadata"]["name"]
    assert (found["outputs"]["succeeded"], found["outputs"]["exitCode"]) == (1, 0)
    assert found["outputs"]["logTail"].endswith("restore: done")
    assert found["message"].endswith("restore: done")
    status = shop.get("incident", "slow")["status"]
    [piece] = status["evidence"]
    secret = shop.get("secret", found["outputs"]["secret"])
    content = gzip.decompress(base64.b64decode(secret["data"][piece["name"] + ".gz"]))
    assert secret["immutable"] and hashlib.sha256(content).hexdigest() == piece["sha256"]
    assert "StepStarted" in str(status["timeline"]) and str(status["timeline"]).count("StepStarted") == 1


def test_the_job_of_a_cron_job_is_run(shop: Kube, operator: Operator) -> None:
    shop.apply(cron_job())
    run(shop, cronJob="backup")
    found = mended(shop)
    assert found["state"] == "Succeeded", found["message"]
    [job] = jobs(shop)
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert "of CronJob/backup" in str(shop.get("incident", "slow")["status"]["timeline"])


def test_a_job_that_fails_makes_at_most_three_pods_and_says_why(shop: Kube, operator: Operator) -> None:
    run(shop, template=template("localhost/tools:broken"), deadline="3m")
    found = mended(shop)
    assert found["state"] == "Failed"
    assert "failed (BackoffLimitExceeded) with exit code 1: FATAL: DATABASE_URL is not set" in found["message"]
    assert found["outputs"]["failed"] == 3
    assert len(shop.list("pods", "-l", OURS)) == 3
    assert len(shop.get("incident", "slow")["status"]["evidence"]) == 3


def test_three_at_once_that_fail_are_three_pods_too(shop: Kube, operator: Operator) -> None:
    run(shop, template=template("localhost/tools:broken", parallelism=3, completions=3))
    assert mended(shop)["state"] == "Failed"
    assert len(shop.list("pods", "-l", OURS)) <= 3


def test_a_retry_runs_another_job(shop: Kube, operator: Operator) -> None:
    retry = {"retry": {"attempts": 2, "backoff": "1s"}}
    run(shop, template=template("localhost/tools:broken", parallelism=3, completions=3), options=retry)
    found = mended(shop)
    assert (found["state"], found["attempt"], len(jobs(shop))) == ("Failed", 2, 2)


def test_a_job_that_does_not_end_is_stopped_at_its_deadline(shop: Kube, operator: Operator) -> None:
    run(shop, template=template("localhost/tools:never-ready"), deadline="5s")
    found = mended(shop)
    assert found["state"] == "Failed"
    assert "failed (DeadlineExceeded)" in found["message"]
    shop.wait_for("namespace", shop.namespace, lambda _: not shop.list("pods", "-l", OURS), seconds=40)


def test_a_job_is_stopped_with_its_pods_when_the_incident_is_cancelled(shop: Kube, operator: Operator) -> None:
    run(shop, template=template("localhost/tools:never-ready"), options={"undo": "OnFailure"})
    shop.wait_for("incident", "slow", lambda obj: "is running" in obj.get("status", {}).get("message", ""))
    shop.patch("incident", "slow", {"spec": {"cancel": {"by": "alice", "reason": "false alarm"}}})
    found = shop.incident_in("slow", "Cancelled")["status"]["steps"][0]
    assert "was stopped before its end" in found["undo"]["message"]
    shop.wait_for("namespace", shop.namespace, lambda _: not shop.list("pods", "-l", OURS), seconds=40)
    assert jobs(shop) == []


def test_a_job_that_somebody_deletes_is_not_run_again(shop: Kube, operator: Operator) -> None:
    run(shop, template=template("localhost/tools:never-ready"))
    shop.wait_for("incident", "slow", lambda obj: "is running" in obj.get("status", {}).get("message", ""))
    [job] = jobs(shop)
    shop.run("delete", "job", job["metadata"]["name"])
    assert "was deleted before its end was seen" in mended(shop)["message"]
    assert jobs(shop) == []


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        ({"containers": [{"name": "restore"}]}, "image: Required value"),
        ({"containers": [{"name": "a b", "image": "x"}]}, "a lowercase RFC 1123 label"),
    ],
)
def test_what_the_api_server_would_not_take_is_refused_without_a_job(
    pod: Object, told: str, shop: Kube, operator: Operator
) -> None:
    run(shop, template={"template": {"spec": pod}})
    found = mended(shop)
    assert told in found["message"]
    assert jobs(shop) == []


def test_a_pod_that_would_not_be_admitted_is_refused_without_a_job(shop: Kube, operator: Operator) -> None:
    shop.run("label", "namespace", shop.namespace, "pod-security.kubernetes.io/enforce=restricted", "--overwrite")
    shop.apply(deployment("web", replicas=0))
    run(shop, template=template())
    assert 'violates PodSecurity "restricted:latest"' in mended(shop)["message"]
    assert jobs(shop) == []


def test_a_template_in_a_command_makes_the_playbook_not_ready(shop: Kube, operator: Operator) -> None:
    container = {"name": "restore", "image": "x", "command": ["sh", "-c", "restore ${parameters.table}"]}
    params = {"template": {"template": {"spec": {"containers": [container]}}}}
    shop.apply(playbook("slow", step("mend", "runJob", params), parameters=[{"name": "table", "type": "string"}]))
    found = shop.wait_for("playbook", "slow", lambda obj: obj.get("status", {}).get("conditions"))
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert ready["status"] == "False" and "give the value in env and write $NAME" in ready["message"]


def test_values_are_filled_into_the_environment(shop: Kube, operator: Operator) -> None:
    container = {"name": "restore", "image": "localhost/tools:v1", "env": [{"name": "WHO", "value": "${target.name}"}]}
    run(shop, template={"template": {"spec": {"containers": [container]}}})
    assert mended(shop)["state"] == "Succeeded"
    [job] = jobs(shop)
    assert job["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "WHO", "value": "web"}]


def test_the_plan_shows_what_is_then_done(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("slow", step("mend", "runJob", {"template": template()})))
    shop.apply(incident("dry", "web", "slow", mode="DryRun"))
    planned = shop.incident_in("dry", "Planned", "Failed")["status"]
    assert "of the playbook's template, for 10m at most; up to 3 Pods may fail" in str(planned)
    assert jobs(shop) == []
