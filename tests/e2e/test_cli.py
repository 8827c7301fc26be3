"""`kubectl incident`, as a plugin of kubectl."""

import hashlib

import pytest

from support.kube import Kube
from support.objects import deployment, incident, playbook, step
from support.operator_process import Operator
from support.plugin import plugin

pytestmark = pytest.mark.e2e


@pytest.fixture
def resolved(shop: Kube, operator: Operator) -> Kube:
    """A namespace with an incident that kept evidence and ended."""
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("look", step("evidence", "collectEvidence")), incident("slow", "web", "look"))
    shop.incident_in("slow", "Resolved")
    return shop


def test_the_report_is_printed(resolved: Kube) -> None:
    done = plugin("report", "slow", "-n", resolved.namespace, kubeconfig=resolved.kubeconfig)
    assert done.returncode == 0
    assert done.stdout.decode() == resolved.get("incident", "slow")["status"]["review"]
    assert done.stdout.startswith(b"# Incident " + resolved.namespace.encode() + b"/slow: it does not answer")


def test_every_piece_of_evidence_has_the_sha256_that_the_status_says(resolved: Kube) -> None:
    pieces = resolved.get("incident", "slow")["status"]["evidence"]
    assert {item["kind"] for item in pieces} == {"Describe", "Events", "Logs", "Policies"}
    for item in pieces:
        arguments = ("evidence", "slow", item["name"], "-n", resolved.namespace)
        content = plugin(*arguments, kubeconfig=resolved.kubeconfig).stdout
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (item["sha256"], item["bytes"]), item["name"]


def test_what_is_not_there_is_said_with_exit_code_1(resolved: Kube) -> None:
    done = plugin("report", "other", "-n", resolved.namespace, kubeconfig=resolved.kubeconfig)
    assert (done.returncode, b"there is no Incident/other in namespace" in done.stderr) == (1, True)
    done = plugin("evidence", "slow", "nothing", "-n", resolved.namespace, kubeconfig=resolved.kubeconfig)
    assert (done.returncode, b"has no evidence nothing" in done.stderr) == (1, True)
