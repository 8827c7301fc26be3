"""What people read when something is wrong: refusals of the API server, and messages of incidents."""

import pytest

from support.kube import Kube, KubectlFailed
from support.objects import account_with, deployment, incident, playbook, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e


def test_explain_reads_as_documentation(installed: Kube) -> None:
    text = installed.run("explain", "playbook.spec.steps.rollback")
    assert "Puts the Pod template of an earlier revision back" in text
    assert "kubectl rollout history" in installed.run("explain", "playbook.spec.steps.rollback.toRevision")
    undescribed = [
        line for line in installed.run("explain", "incident.spec", "--recursive").splitlines() if "\t" not in line
    ]
    assert undescribed


def test_a_step_with_two_actions_is_refused_by_name(namespace: Kube) -> None:
    both = playbook("both", step("mend", "rollback") | {"rollingRestart": {}})
    assert "a step has exactly one action, but this one has rollingRestart rollback" in namespace.refused(both)


def test_a_step_without_an_action_is_refused_with_what_to_write(namespace: Kube) -> None:
    empty = playbook("none", {"name": "mend"})
    assert "the step has no action; add one, such as rollback: {}" in namespace.refused(empty)


def test_a_misspelt_field_is_refused_by_its_path(namespace: Kube) -> None:
    misspelt = playbook("typo", step("mend", "rollback", {"toRevison": 3}))
    told = namespace.refused(misspelt)  # kubectl's validation and the API server's word it differently
    assert "unknown field" in told and "toRevison" in told and "spec.steps[0].rollback" in told


def test_undo_is_refused_where_the_action_cannot(namespace: Kube) -> None:
    wrong = playbook("undo", step("mend", "rollingRestart", undo="OnFailure"))
    assert "can be undone; write Never or leave undo out" in namespace.refused(wrong)


def test_what_the_schema_cannot_see_is_in_the_ready_condition(shop: Kube, operator: Operator) -> None:
    steps = (
        step("verify", "httpCheck", {"url": "${parameters.healthUrl}"}, onFailure="Continue"),
        step("mend", "rollback", if_="steps.verfy.failed"),
    )
    shop.apply(playbook("wrong", *steps, parameters=[{"name": "healthURL", "required": True}]))
    shop.run("wait", "--for=condition=Ready=false", "playbook/wrong", "--timeout=20s")
    message = shop.get("playbook", "wrong")["status"]["conditions"][0]["message"]
    assert "spec.steps[0].httpCheck: ${parameters.healthUrl} names no parameter that is known here" in message
    assert "spec.steps[1].if: at 1:12: undeclared reference to 'steps.verfy.failed'" in message
    assert "a step sees the steps before it: verify" in message


def test_a_wrong_incident_is_refused_with_what_to_write(namespace: Kube) -> None:
    wrong = incident("wrong", "web", "any", severity="Fatal")
    assert 'supported values: "Critical", "Warning", "Info"' in namespace.refused(wrong)
    old = incident("wrong", "web", "any")
    old["spec"]["targetRef"]["apiVersion"] = "extensions/v1beta1"
    assert "a Deployment has the apiVersion apps/v1, not extensions/v1beta1" in namespace.refused(old)


def test_what_is_immutable_is_refused_by_name(namespace: Kube) -> None:
    namespace.apply(incident("one", "web", "any"))
    with pytest.raises(KubectlFailed, match="summary cannot be changed once the incident is open"):
        namespace.patch("incident", "one", {"spec": {"summary": "something else"}})
    namespace.patch("incident", "one", {"spec": {"approvals": [{"step": "a", "decision": "Done", "by": "alice"}]}})
    with pytest.raises(KubectlFailed, match="approvals are added, never changed or taken away"):
        namespace.patch("incident", "one", {"spec": {"approvals": []}})


def test_a_missing_playbook_is_waited_for_and_named(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web"), incident("slow", "web", "later"))
    found = shop.wait_for("incident", "slow", lambda obj: obj.get("status", {}).get("message"))
    assert f"there is no playbook later in namespace {shop.namespace}; create it" in found["status"]["message"]
    assert found["status"]["phase"] == "Pending"
    shop.rolled_out("deployment/web")
    shop.apply(playbook("later", step("status", "workloadStatus")))
    shop.incident_in("slow", "Resolved")


def test_a_missing_target_is_named(shop: Kube, operator: Operator) -> None:
    shop.apply(playbook("look", step("status", "workloadStatus")), incident("slow", "wbe", "look"))
    message = shop.incident_in("slow", "Failed")["status"]["message"]
    assert f"there is no Deployment/wbe in namespace {shop.namespace}" in message
    assert f"kubectl get deployments -n {shop.namespace}" in message


def test_a_missing_permission_is_named_before_the_first_effect(shop: Kube, operator: Operator) -> None:
    shop.apply(*account_with("look", name="weak"), deployment("web"))
    shop.rolled_out("deployment/web")
    shop.apply(
        playbook("restart", step("evidence", "collectEvidence"), step("restart", "rollingRestart"), account="weak")
    )
    shop.apply(incident("slow", "web", "restart"))
    message = shop.incident_in("slow", "Failed")["status"]["message"]
    assert f"ServiceAccount weak in namespace {shop.namespace} may not" in message
    assert '"patch deployments.apps" (needed by restart)' in message
    assert '"create secrets" (needed by evidence)' in message
    assert shop.list("secrets") == []


def test_a_missing_account_is_named(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web"), playbook("look", step("status", "workloadStatus"), account="nobody"))
    shop.apply(incident("slow", "web", "look"))
    message = shop.incident_in("slow", "Failed")["status"]["message"]
    assert f"there is no ServiceAccount nobody in namespace {shop.namespace}" in message


def test_a_missing_parameter_is_named(shop: Kube, operator: Operator) -> None:
    verify = step("verify", "httpCheck", {"url": "${parameters.healthURL}"})
    parameters = [{"name": "healthURL", "required": True, "description": "the health endpoint"}]
    shop.apply(deployment("web"), playbook("verify", verify, parameters=parameters), incident("slow", "web", "verify"))
    message = shop.incident_in("slow", "Failed")["status"]["message"]
    assert (
        message
        == "spec.parameters.healthURL is required by the playbook (the health endpoint); open a new incident that gives it"
    )


def test_the_table_tells_the_story(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("ask", step("status", "workloadStatus"), step("ask", "manual", {"instructions": "Look."})))
    shop.apply(incident("slow", "web", "ask", severity="Critical"))
    shop.incident_in("slow", "Waiting")
    head, row = shop.run("get", "incidents").splitlines()
    assert head.split() == ["NAME", "SEVERITY", "PHASE", "STEP", "PROGRESS", "PLAYBOOK", "TARGET", "AGE"]
    assert row.split()[:-1] == ["slow", "Critical", "Waiting", "ask", "2/2", "ask", "Deployment/web"]
    wide = shop.run("get", "incidents", "-o", "wide")
    assert "ACKNOWLEDGED" in wide and "Look. When it is done: kubectl patch incident slow" in wide
    assert "slow" in shop.run("get", "response")
