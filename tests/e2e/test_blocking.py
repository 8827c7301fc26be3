"""blockIPs on a real API server. Whether a policy is enforced is the network plugin's; that it is stored is ours."""

import pytest

from support.kube import Kube
from support.objects import Object, deployment, incident, playbook, step
from support.operator_process import Operator
from support.ranges import api_server_address

pytestmark = pytest.mark.e2e

OURS = "app.kubernetes.io/managed-by=paramedic"
ATTACKER = "203.0.113.7"


def blocking(*cidrs: str, **parameters: object) -> Object:
    undo = parameters.pop("undo", "Never")
    return step("block", "blockIPs", {"cidrs": list(cidrs), **parameters}, undo=undo)


def block(shop: Kube, *steps: Object, **spec: object) -> None:
    """Opens an incident on the healthy `web` whose playbook has these steps."""
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("contain", *steps, **spec), incident("attack", "web", "contain"))


def policies(shop: Kube) -> list[Object]:
    return shop.list("networkpolicies", "-l", OURS)


def ended(shop: Kube) -> Object:
    found: Object = shop.incident_in("attack", "Resolved", "Failed")["status"]
    return found


@pytest.fixture(autouse=True)
def address(installed: Kube) -> str:
    """An address of the API server, without which each block would be asked about."""
    return api_server_address(installed)


def test_addresses_are_blocked_and_the_block_is_lifted_when_the_incident_is_resolved(
    shop: Kube, operator: Operator
) -> None:
    hold = step("hold", "manual", {"instructions": "look around"})
    block(shop, blocking("${parameters.attackers}", undo="OnResolve"), hold, parameters=[
        {"name": "attackers", "default": f"{ATTACKER}, 198.51.100.0/24,2001:db8::1"},
    ])  # fmt: skip
    shop.incident_in("attack", "Waiting")
    [policy] = policies(shop)
    [rule] = policy["spec"]["ingress"]
    assert policy["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}
    assert rule["from"] == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["203.0.113.7/32", "198.51.100.0/24"]}},
        {"ipBlock": {"cidr": "::/0", "except": ["2001:db8::1/128"]}},
        {"namespaceSelector": {}},
    ]

    shop.patch("incident", "attack", {"spec": {"approvals": [{"step": "hold", "decision": "Done", "by": "alice"}]}})
    status = ended(shop)
    assert status["phase"] == "Resolved", status["message"]
    assert status["steps"][0]["state"] == "Undone"
    assert policies(shop) == []


def test_a_block_outlives_its_incident_and_ends_at_its_ttl(shop: Kube, operator: Operator) -> None:
    block(shop, blocking(ATTACKER, ttl="6s"))
    status = ended(shop)
    assert status["phase"] == "Resolved", status["message"]
    shop.run("delete", "incident", "attack")
    assert len(policies(shop)) == 1
    shop.wait_for("namespace", shop.namespace, lambda _: not policies(shop), seconds=60)


def test_the_addresses_of_the_api_server_and_of_services_are_not_blocked(
    shop: Kube, operator: Operator, address: str
) -> None:
    service = shop.within("default").get("service", "kubernetes")["spec"]["clusterIP"]
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    for name, named, whose in (
        ("one", address, "the API server"), ("two", service, "the Services (ServiceCIDR/kubernetes)"),
    ):  # fmt: skip
        parameters = [{"name": "attackers", "default": named}]
        shop.apply(playbook(name, blocking("${parameters.attackers}"), parameters=parameters))
        shop.apply(incident(name, "web", name))
        message = shop.incident_in(name, "Failed")["status"]["message"]
        assert f"which is the cluster's own: {whose}" in message, message
    assert policies(shop) == []


def test_where_another_policy_allows_the_address_nothing_is_stored_and_the_mend_is_told(
    shop: Kube, operator: Operator
) -> None:
    open_door = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
        },
    }  # fmt: skip
    shop.apply(open_door)
    block(shop, blocking(ATTACKER))
    status = ended(shop)
    assert status["phase"] == "Failed"
    assert "NetworkPolicy/web allows 0.0.0.0/0 (spec.ingress[0].from[0].ipBlock)" in status["message"]
    assert "add 203.0.113.7/32 to its except" in status["message"]
    assert policies(shop) == []


def test_what_is_denied_already_is_skipped(shop: Kube, operator: Operator) -> None:
    deny = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny-all"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }  # fmt: skip
    shop.apply(deny)
    block(shop, blocking(ATTACKER))
    status = ended(shop)
    assert status["phase"] == "Resolved", status["message"]
    assert status["steps"][0]["message"] == "203.0.113.7 is denied already by NetworkPolicy deny-all"


def test_a_range_that_is_half_the_internet_is_refused_before_anything_is_planned(
    shop: Kube, operator: Operator
) -> None:
    block(shop, blocking("0.0.0.0/0"))
    found = shop.wait_for("playbook", "contain", lambda obj: obj.get("status", {}).get("conditions"))
    [ready] = [item for item in found["status"]["conditions"] if item["type"] == "Ready"]
    assert ready["status"] == "False"
    assert "0.0.0.0/0 is too wide, one entry is at most a /16; name narrower ones" in ready["message"]
