"""The operator under the policies: it says whether they are there, and works as before."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.alerts import Sender, alert, resolved
from support.kube import Kube
from support.objects import account_with, deployment, incident, playbook, step
from support.operator_process import Operator, free_port
from support.people import OPERATOR, answer, binding, eventually, opens, role

pytestmark = pytest.mark.e2e


ROOT = Path(__file__).resolve().parents[3]
POLICIES = Path(__file__).parent


def test_the_operator_warns_while_nothing_checks_who_approves(
    namespace: Kube, start_operator: Callable[..., Operator]
) -> None:
    namespace.run("delete", "-k", str(POLICIES), "--ignore-not-found")
    operator = start_operator(namespace)
    said_so = wait_for(lambda: operator.log, "NOT CHECKED")
    assert "there is no ValidatingAdmissionPolicy paramedic-approve" in said_so
    assert "install them: kubectl apply -k manifests/admission" in said_so
    assert "paramedic_admission_enforced 0.0" in operator.metrics()


def test_the_operator_says_that_they_are_in_force_and_where(
    shop: Kube, start_operator: Callable[..., Operator]
) -> None:
    operator = start_operator(shop)
    wait_for(lambda: operator.log, "the API server checks who opens, approves and cancels")
    wait_for(lambda: operator.log, "only where the matchResources of their bindings match")
    assert "paramedic_admission_enforced 1.0" in operator.metrics()


def wait_for(text: Callable[[], str], part: str, seconds: float = 20) -> str:
    deadline = time.monotonic() + seconds
    while part not in (found := text()):
        assert time.monotonic() < deadline, found[-2000:]
        time.sleep(0.1)
    return found


def test_an_incident_of_the_operator_runs_and_anybody_with_the_verb_approves_it(
    shop: Kube, start_operator: Callable[..., Operator], tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "operator.kubeconfig"
    kubeconfig.write_text(account_of_the_operator(shop))
    shop.apply(*account_with("look", "rollingrestart"), deployment("web"))
    shop.run("apply", "-k", str(ROOT / "manifests" / "responder"))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("restart", step("restart", "rollingRestart", approval={"required": True})))
    operator = start_operator(shop, "--lease-namespace=paramedic-system", kubeconfig=str(kubeconfig))
    wait_for(lambda: operator.log, "the API server checks who opens, approves and cancels")

    shop.run("wait", "--for=condition=Ready", "playbook/restart", "--timeout=20s")
    opened = incident("alert", "web", "restart", alert={"name": "InstanceDown"})
    shop.apply(role("receiver", ("paramedic.dev", "incidents", ["create"], [])), binding(OPERATOR, "receiver", "Role"))
    eventually(lambda: opens(shop, OPERATOR, opened))
    waiting = shop.incident_in("alert", "Waiting")
    assert waiting["spec"]["openedBy"] == OPERATOR
    entry = answer("bob", step="restart", planHash=waiting["status"]["plan"]["hash"][:12])
    patch = json.dumps([{"op": "add", "path": "/spec/approvals/-", "value": entry}])
    shop.acting_as("bob").run("patch", "incident", "alert", "--type=json", "-p", patch)
    assert shop.incident_in("alert", "Resolved")["status"]["review"]


def test_an_alert_that_any_playbook_may_answer_is_stored_as_opened_by_the_operator(
    shop: Kube, start_operator: Callable[..., Operator], tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "operator.kubeconfig"
    kubeconfig.write_text(account_of_the_operator(shop))
    shop.run("apply", "-f", str(ROOT / "manifests" / "receiver" / "role.yaml"))
    port = free_port()
    operator = start_operator(
        shop, "--lease-namespace=paramedic-system", f"--receiver=127.0.0.1:{port}", kubeconfig=str(kubeconfig)
    )
    wait_for(lambda: operator.log, "the API server checks who opens, approves and cancels")

    assert Sender(port).results(alert(labels={"namespace": shop.namespace})) == ["Created"]

    (found,) = shop.list("incidents")
    assert found["spec"]["openedBy"] == OPERATOR
    ended = resolved(labels={"namespace": shop.namespace})
    assert Sender(port).results(ended) == ["Resolved"]
    assert shop.incident_in(found["metadata"]["name"], "Resolved")


def account_of_the_operator(kube: Kube) -> str:
    """A kubeconfig of the operator's own account, with the rights of manifests/ and not one more."""
    home = kube.within("paramedic-system")
    home.run("apply", "-k", str(ROOT / "manifests" / "base"))
    token = home.run("create", "token", "paramedic", "--duration=1h").strip()
    config = json.loads(kube.run("config", "view", "--raw", "-o", "json", "--minify"))
    config["users"][0]["user"] = {"token": token}
    return json.dumps(config)
