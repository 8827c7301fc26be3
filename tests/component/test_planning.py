"""Before anything is changed: playbook, account, target, permissions; and the two ways of changing nothing."""

import json
from datetime import timedelta

import pytest

from component.builders import HEALTH, USER, Ward, playbook, step
from paramedic.model.references import DEPLOYMENT, PLAYBOOK, SERVICE_ACCOUNT
from paramedic.reconciler import NotLeading


async def test_an_incident_without_its_playbook_waits_and_goes_on_once_it_exists() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))
    ward.cluster.remove(PLAYBOOK, "shop", "one")
    await ward.look()
    assert ward.status()["phase"] == "Pending"
    assert "there is no playbook one in namespace shop" in ward.status()["message"]

    ward.add(playbook("one", step("back", "rollback")))

    assert (await ward.run())["phase"] == "Resolved"


async def test_an_incident_with_a_playbook_that_is_invalid_waits_until_it_is_mended() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback", if_="steps.later.failed"))
    await ward.look()
    assert ward.status()["phase"] == "Pending"
    assert "spec.steps[0].if" in ward.status()["message"]

    ward.cluster.edit(PLAYBOOK, "shop", "one", {"spec": {"steps": [step("back", "rollback")]}})

    assert (await ward.run())["phase"] == "Resolved"


async def test_waiting_for_a_playbook_is_written_once() -> None:
    ward = Ward()
    await ward.open(step("look", "workloadStatus"))
    ward.cluster.remove(PLAYBOOK, "shop", "one")
    await ward.look()
    count = len(ward.cluster.writes)

    await ward.pass_time(timedelta(minutes=10))

    assert len(ward.cluster.writes) == count


async def test_a_target_that_is_not_there_fails_the_incident_by_name() -> None:
    ward = Ward()
    await ward.open(step("back", "rollback"), target="wbe")

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "there is no Deployment/wbe in namespace shop" in status["message"]


async def test_a_pod_of_a_kind_of_workload_that_no_step_works_on_fails_the_incident_by_name() -> None:
    ward = Ward()
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web", "uid": "r", "controller": True}
    ward.add({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "ownerReferences": [owner]}, "spec": {}})
    target = {"apiVersion": "v1", "kind": "Pod", "name": "web-1"}
    await ward.open(step("back", "rollback"), targetRef=target)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "belongs to Rollout/web (argoproj.io/v1alpha1)" in status["message"]


async def test_an_account_that_is_not_there_fails_the_incident_by_name() -> None:
    ward = Ward()
    ward.cluster.remove(SERVICE_ACCOUNT, "shop", "responder")
    await ward.open(step("back", "rollback"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "there is no ServiceAccount responder in namespace shop" in status["message"]


async def test_a_missing_permission_fails_the_incident_before_anything_is_changed() -> None:
    ward = Ward(image="web:broken")
    ward.cluster.deny(USER, "patch", "deployments.apps")
    await ward.open(step("keep", "collectEvidence"), step("back", "rollback"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert (
        'ServiceAccount responder in namespace shop may not "patch deployments.apps" (needed by back)'
        in status["message"]
    )
    assert ward.effects == []


async def test_a_permission_taken_away_during_a_run_fails_the_step_in_plain_words() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("rest", "wait", {"duration": "10s"}), step("back", "rollback"))
    await ward.look()

    ward.cluster.deny(USER, "patch", "deployments.apps")
    status = await ward.run()

    assert status["phase"] == "Failed"
    assert 'may not "patch deployments.apps"; grant it with a Role and a RoleBinding' in status["message"]


async def test_a_rollback_whose_pod_a_quota_would_refuse_is_not_begun() -> None:
    ward = Ward(image="web:v2")
    ward.workloads.sicken("shop", "web")  # of the revision before, no Pod is left
    ward.cluster.refuse_creates(
        "pods", "shop", "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"
    )
    await ward.open(step("back", "rollback"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "exceeded quota: small" in status["message"]
    assert ward.effects == []


async def test_a_missing_parameter_fails_the_incident_by_name() -> None:
    ward = Ward()
    parameters = [{"name": "healthURL", "required": True}]
    await ward.open(step("check", "httpCheck", {"url": "${parameters.healthURL}"}), rules={"parameters": parameters})

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "healthURL" in status["message"]


async def test_a_dry_run_writes_nothing_but_the_status_of_its_incident() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("keep", "collectEvidence"), step("back", "rollback"), mode="DryRun")

    status = await ward.run()

    assert status["phase"] == "Planned"
    assert ward.effects == []
    assert ward.image_of() == "web:broken"
    assert {item.request.path.rpartition("/")[2] for item in ward.cluster.writes[1:]} == {"status"}


async def test_a_dry_run_looks_for_real_and_explains_what_it_would_do() -> None:
    ward = Ward(image="web:broken")
    ward.http.set(HEALTH, 502)
    check = step("check", "httpCheck", {"url": HEALTH}, onFailure="Continue")
    await ward.open(check, step("back", "rollback", if_="steps.check.failed"), mode="DryRun")

    await ward.run()

    assert "answered 502" in ward.step("check")["message"]
    assert "would begin: rolling Deployment/web back from revision 2 to 1" in ward.step("back")["message"]
    (change,) = ward.step("back")["changes"]
    image = {"path": "spec.template.spec.containers[0].image", "before": '"web:broken"', "after": '"web:v1"'}
    assert (change["verb"], change["object"]) == ("patch", "Deployment/web")
    assert image in change["fields"]


async def test_a_process_that_does_not_lead_writes_nothing() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))
    ward.leads = False

    with pytest.raises(NotLeading):
        await ward.look()

    assert len(ward.cluster.writes) == 1  # the incident itself


async def test_a_process_that_loses_its_lead_after_the_intent_leaves_the_effect_to_the_next() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))

    def lose(*moment: object) -> None:
        ward.leads = moment[1] == "before"

    ward.cluster.fault = lose
    with pytest.raises(NotLeading):
        await ward.look()
    assert ward.effects == []

    ward.cluster.fault, ward.leads = None, True
    ward.start()

    assert (await ward.run())["phase"] == "Resolved"
    assert len(ward.effects) == 1


async def test_the_status_stays_under_64_kib_with_32_steps_of_long_messages_and_outputs() -> None:
    ward = Ward()
    url = HEALTH + "/" + "x" * 300
    ward.http.set(url, 500)
    steps = [
        step(f"step{number}", "httpCheck", {"url": url, "expectBody": "y" * 150}, onFailure="Continue")
        for number in range(31)
    ]
    await ward.open(*steps, step("call", "manual", {"instructions": "z" * 2000}))
    await ward.run("Waiting")
    for number in range(60):
        ward.edit({"acknowledgedBy": f"{'a' * 240}{number}"})
        await ward.look()
    ward.answer("call", "Done")

    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert len(json.dumps(status, ensure_ascii=False).encode()) < 64 * 1024


# --- a Node as the target


def node(ready: str = "True") -> dict:
    statuses = {"Ready": ready, "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False"}
    conditions = [{"type": kind, "status": status} for kind, status in statuses.items()]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"conditions": conditions}}


async def open_for_node(ward: Ward, ready: str) -> None:
    ward.cluster.add(node(ready))
    target = {"apiVersion": "v1", "kind": "Node", "name": "n1"}
    await ward.open(step("look", "nodeStatus", onFailure="Continue"), targetRef=target)


async def test_a_node_that_is_ready_and_without_pressure_has_recovered_where_no_check_is_named() -> None:
    ward = Ward()
    await open_for_node(ward, "True")
    assert (await ward.run())["phase"] == "Resolved"
    assert ward.step("look")["outputs"]["notReady"] == []


@pytest.mark.parametrize("ready", ["False", "Unknown"])
async def test_a_node_that_is_not_known_to_be_ready_has_not_recovered(ready: str) -> None:
    ward = Ward()
    await open_for_node(ward, ready)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "recovery was not proven" in status["message"] and "Node/n1 is not healthy" in status["message"]


async def test_a_step_that_works_on_workloads_is_not_done_to_a_node() -> None:
    ward = Ward()
    ward.cluster.add(node())
    await ward.open(step("restart", "rollingRestart"), targetRef={"apiVersion": "v1", "kind": "Node", "name": "n1"})

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "works on Deployment, StatefulSet, DaemonSet, not on Node/n1" in status["message"]


@pytest.mark.parametrize("kind", ["Deployment", "Pod"])
async def test_the_operator_itself_is_nothing_that_a_playbook_works_on(kind: str) -> None:
    ward = Ward()
    template = ward.get(DEPLOYMENT, "web")["spec"]["template"]
    template["metadata"]["labels"]["app.kubernetes.io/name"] = "paramedic"
    patch = {"metadata": {"labels": {"app.kubernetes.io/name": "paramedic"}}, "spec": {"template": template}}
    ward.cluster.edit(DEPLOYMENT, "shop", "web", patch)
    ward.workloads.tick()
    name = "web" if kind == "Deployment" else ward.workloads.pods("shop", "web")[0]["metadata"]["name"]
    target = {"apiVersion": "apps/v1" if kind == "Deployment" else "v1", "kind": kind, "name": name}
    await ward.open(step("contain", "isolate", {"ttl": "1h"}), targetRef=target)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert f"{kind}/{name} is the operator itself" in status["message"]
    assert ward.effects == []
