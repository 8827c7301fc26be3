"""isolate on a real API server. Whether a policy is enforced is the network plugin's; that it is stored is ours."""

import pytest

from support.kube import Kube
from support.objects import deployment, incident, playbook, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

OURS = "app.kubernetes.io/managed-by=paramedic"


def isolating(**parameters: object) -> dict:
    undo = parameters.pop("undo", "Never")
    return playbook("contain", step("contain", "isolate", parameters, undo=undo))


def running(shop: Kube) -> None:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")


def test_an_isolation_denies_both_directions_and_is_undone_when_the_incident_is_resolved(
    shop: Kube, operator: Operator
) -> None:
    running(shop)
    hold = step("hold", "manual", {"instructions": "look around"})
    shop.apply(playbook("contain", step("contain", "isolate", {"ttl": "1h"}, undo="OnResolve"), hold))
    shop.apply(incident("breach", "web", "contain"))
    shop.incident_in("breach", "Waiting")
    [policy] = shop.list("networkpolicies", "-l", OURS)
    assert policy["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not policy["spec"].get("ingress") and not policy["spec"].get("egress")

    shop.patch("incident", "breach", {"spec": {"approvals": [{"step": "hold", "decision": "Done", "by": "alice"}]}})
    found = shop.incident_in("breach", "Resolved", "Failed")
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    assert found["status"]["steps"][0]["state"] == "Undone"
    assert shop.list("networkpolicies", "-l", OURS) == []


def test_one_pod_is_quarantined_by_a_label_of_its_own(shop: Kube, operator: Operator) -> None:
    running(shop)
    pod = shop.list("pods", "-l", "app=web")[0]["metadata"]["name"]
    shop.apply(isolating(ttl="1h", allowDNS=True), incident("breach", pod, "contain", kind="Pod"))
    found = shop.incident_in("breach", "Resolved", "Failed")
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    [policy] = shop.list("networkpolicies", "-l", OURS)
    [(label, value)] = policy["spec"]["podSelector"]["matchLabels"].items()
    selected = [item["metadata"]["name"] for item in shop.list("pods", "-l", f"{label}={value}")]
    assert selected == [pod]
    assert {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]} == {53}


def test_an_isolation_outlives_its_incident_and_ends_at_its_ttl(shop: Kube, operator: Operator) -> None:
    running(shop)
    shop.apply(isolating(ttl="6s"), incident("breach", "web", "contain"))
    shop.incident_in("breach", "Resolved")
    shop.run("delete", "incident", "breach")
    [policy] = shop.list("networkpolicies", "-l", OURS)
    assert "ownerReferences" not in policy["metadata"]
    shop.wait_for("namespace", shop.namespace, lambda _: not shop.list("networkpolicies", "-l", OURS), seconds=60)


def test_an_isolation_of_an_ended_incident_ends_at_its_ttl_and_the_incident_says_so(
    shop: Kube, operator: Operator
) -> None:
    running(shop)
    shop.apply(isolating(ttl="3s"), incident("breach", "web", "contain"))
    found = shop.wait_for("incident", "breach", lambda obj: _state(obj) == "Undone")
    assert found["status"]["phase"] == "Resolved"
    assert shop.list("networkpolicies", "-l", OURS) == []


def test_dns_is_not_opened_where_another_policy_denies_it(shop: Kube, operator: Operator) -> None:
    running(shop)
    deny = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny-all"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"]},
    }  # fmt: skip
    shop.apply(deny, isolating(ttl="1h", allowDNS=True), incident("breach", "web", "contain"))
    found = shop.incident_in("breach", "Resolved")
    [policy] = shop.list("networkpolicies", "-l", OURS)
    assert not policy["spec"].get("egress")
    assert found["status"]["steps"][0]["outputs"]["dns"] is False


def test_the_last_ready_pod_is_not_isolated(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web", replicas=1))
    shop.rolled_out("deployment/web")
    pod = shop.list("pods", "-l", "app=web")[0]["metadata"]["name"]
    shop.apply(isolating(ttl="1h"), incident("breach", pod, "contain", kind="Pod"))
    message = shop.incident_in("breach", "Failed")["status"]["message"]
    assert "is the last ready Pod" in message
    assert shop.list("networkpolicies", "-l", OURS) == []


def _state(obj: dict) -> str:
    steps = obj.get("status", {}).get("steps", [])
    return str(steps[0]["state"]) if steps else ""
