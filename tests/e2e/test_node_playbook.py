"""examples/playbooks/service-downtime-node.yaml, whole, in a namespace of the test's own and on nodes of its own."""

from collections.abc import Iterator

import pytest
import yaml

from support.kube import Kube
from support.nodes import break_node, is_cordoned, mend_node, node_rights, own_nodes, pods_on, spread
from support.objects import ACCOUNT, Object, incident
from support.operator_process import Operator
from support.realnode import ROOT, incident_command, states

pytestmark = pytest.mark.e2e


@pytest.fixture
def nodes(shop: Kube) -> Iterator[list[str]]:
    with node_rights(shop, "cordon", "drain"), own_nodes(shop, 3) as names:
        yield names


def example(shop: Kube) -> Object:
    """The playbook for this namespace and its account, with a recovery that need not be waited for."""
    found: Object = yaml.safe_load((ROOT / "examples" / "playbooks" / "service-downtime-node.yaml").read_text())
    found["metadata"]["namespace"] = shop.namespace
    found["spec"] |= {"serviceAccountName": ACCOUNT, "recovery": {"stableFor": "1s", "timeout": "30s"}}
    return found


def test_a_node_that_is_not_ready_is_cordoned_drained_once_approved_and_given_back(
    shop: Kube, operator: Operator, nodes: list[str]
) -> None:
    shop.apply(spread(shop), example(shop))
    shop.rolled_out("deployment/web")
    broken = nodes[0]
    assert pods_on(shop, broken)
    break_node(shop, broken)

    shop.apply(incident("node-down", broken, "service-downtime-node", kind="Node"))
    shop.wait_for("incident", "node-down", lambda obj: obj.get("status", {}).get("phase") == "Waiting")
    assert is_cordoned(shop, broken)
    incident_command(shop, "approve", "node-down", "drain", "--yes")
    shop.wait_for("incident", "node-down", lambda obj: obj["status"].get("currentStep") == "mend", seconds=60)
    assert pods_on(shop, broken) == []
    mend_node(shop, broken)
    incident_command(shop, "done", "node-down", "mend", "--note", "its runtime hung")

    found = shop.incident_in("node-down", "Resolved", "Failed")
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    assert states(found) == {
        "announce": "Succeeded", "verify": "Failed", "evidence": "Succeeded", "cordon": "Undone", "drain": "Succeeded",
        "mend": "Succeeded", "inform": "Succeeded",
    }  # fmt: skip
    assert not is_cordoned(shop, broken)
