"""blockIPs keeps addresses away from the target for a time, and never the cluster's own."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.block_ips import BlockIPsParameters
from paramedic.actions.contract import Failed, Finished, Intent, Pending, Skipped
from paramedic.actions.effects import Create, Delete
from paramedic.actions.reads import GetObject, ListObjects
from paramedic.model.objects import Object
from paramedic.model.references import NODE, SERVICE_CIDR
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import NAMESPACE, context, node, pod, replica_set, template, workload
from unit.seen import World

ATTACKER = "203.0.113.7"
OPERATION = context().operation_id
POLICY = "checkout-down-mend-" + OPERATION[:8]


def cluster() -> list[Object]:
    """A cluster whose own addresses can all be read."""
    first = node("n1", spec={"podCIDRs": ["10.244.0.0/24", "fd00:10:244::/64"]})
    first["status"]["addresses"] = [
        {"type": "InternalIP", "address": "192.168.1.10"},
        {"type": "Hostname", "address": "n1"},
    ]
    service_cidr = {"kind": "ServiceCIDR", "metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/12"]}}
    api_server = {
        "kind": "EndpointSlice", "metadata": {"name": "kubernetes", "namespace": "default"},
        "endpoints": [{"addresses": ["192.168.1.2"]}],
    }  # fmt: skip
    return [first, service_cidr, api_server]


def shop(*more: Object, **answers: Any) -> World:
    pods = [pod(f"web-{number}") for number in range(3)]
    return World.of(workload(), replica_set(1, template()), *pods, *cluster(), *more, **answers)


def policy(name: str, *, selects: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}"},
        "spec": {"podSelector": {"matchLabels": selects or {}}, "policyTypes": ["Ingress"]} | spec,
    }


def service(**spec: Any) -> Object:
    return {
        "kind": "Service",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "web"}} | spec,
    }


def created(world: World, *cidrs: str, **params: Any) -> Object:
    params |= {"cidrs": list(cidrs) or [ATTACKER]}
    record = record_of(prepare("blockIPs", world, **params))
    return only_effect(observe("blockIPs", world, record, **params), Create).body


def intent(world: World, *cidrs: str, **params: Any) -> Intent:
    return expect(Intent, prepare("blockIPs", world, cidrs=list(cidrs) or [ATTACKER], **params))


def refusal(world: World, *cidrs: str, **params: Any) -> str:
    return refused(prepare("blockIPs", world, cidrs=list(cidrs) or [ATTACKER], **params))


# --- the policy


def test_the_policy_allows_everything_but_the_addresses() -> None:
    assert created(shop(), ATTACKER, "2001:db8::/48")["spec"] == {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["203.0.113.7/32"]}},
                    {"ipBlock": {"cidr": "::/0", "except": ["2001:db8::/48"]}},
                    {"namespaceSelector": {}},
                ]
            }
        ],
    }


def test_a_block_of_what_the_pods_send_leaves_what_they_receive_alone() -> None:
    spec = created(shop(), direction="Egress")["spec"]
    assert spec["policyTypes"] == ["Egress"]
    assert "ingress" not in spec
    assert spec["egress"][0]["to"][0] == {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["203.0.113.7/32"]}}


def test_both_directions_can_be_blocked() -> None:
    assert created(shop(), direction="Both")["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_the_policy_says_when_it_ends_and_who_may_end_it() -> None:
    meta = created(shop(), ttl="90m")["metadata"]
    assert meta["annotations"] == {
        "paramedic.dev/operation-id": OPERATION,
        "paramedic.dev/incident-uid": context().incident_uid,
        "paramedic.dev/service-account": "responder",
        "paramedic.dev/expires-at": "2026-11-24T04:30:00.000000Z",
    }
    assert "ownerReferences" not in meta


def test_the_block_ends_by_itself_after_an_hour() -> None:
    assert intent(shop()).expires_at == datetime(2026, 11, 24, 4, tzinfo=UTC)


def test_the_plan_names_the_addresses_and_the_pods() -> None:
    found = intent(shop(), f"{ATTACKER},198.51.100.0/24")
    assert found.message == ("blocking 203.0.113.7, 198.51.100.0/24 (Ingress) for Deployment/web (3 Pods) for 1h")
    assert not found.ask


def test_nothing_is_said_to_be_blocked_only_that_the_policy_is_stored() -> None:
    record = record_of(prepare("blockIPs", shop(), cidrs=[ATTACKER]))
    done = expect(Finished, expect(Pending, observe("blockIPs", shop(), record, cidrs=[ATTACKER])).done)
    assert done.message.endswith("it is stored, and enforced only if the cluster's network plugin enforces policies")
    assert done.outputs == {"policy": POLICY, "cidrs": ["203.0.113.7/32"], "directions": ["Ingress"], "pods": 3}


# --- what may be named


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("0.0.0.0/0", "0.0.0.0/0 is too wide, one entry is at most a /16"),
        ("203.0.0.0/12", "is too wide, one entry is at most a /16"),
        ("::/0", "::/0 is too wide, one entry is at most a /32"),
        ("127.0.0.1", "127.0.0.1 is loopback"),
        ("169.254.169.254", "169.254.169.254 is link-local"),
        ("224.0.0.0/24", "224.0.0.0/24 is multicast"),
        ("attacker", "'attacker' is no address and no CIDR"),
        ("203.0.113.7/24", "has bits beyond its prefix"),
        (",", "no address is named"),
    ],
)
def test_what_no_block_may_name_is_refused_when_the_playbook_is_read(named: str, why: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(why)):
        BlockIPsParameters(cidrs=[named])


def test_more_ranges_than_a_policy_should_hold_are_refused() -> None:
    many = ",".join(f"203.0.{number}.0" for number in range(65))
    with pytest.raises(ValidationError, match="65 ranges are more than 64"):
        BlockIPsParameters(cidrs=[many])


def test_a_template_is_checked_once_it_is_filled_in() -> None:
    BlockIPsParameters(cidrs=["${parameters.attackers}"])
    assert refusal(shop(), "${parameters.attackers}").startswith("nothing is blocked: '${parameters.attackers}' is no")


@pytest.mark.parametrize(
    ("named", "whose"),
    [
        ("10.244.0.9", "10.244.0.0/24, which is the cluster's own: the Pods of Node/n1"),
        ("fd00:10:244::7", "fd00:10:244::/64, which is the cluster's own: the Pods of Node/n1"),
        ("192.168.1.0/24", "192.168.1.10/32, which is the cluster's own: Node/n1"),
        ("10.96.0.1", "10.96.0.0/12, which is the cluster's own: the Services (ServiceCIDR/kubernetes)"),
        ("192.168.1.2", "192.168.1.2/32, which is the cluster's own: the API server"),
    ],
)
def test_the_clusters_own_addresses_are_refused_and_named(named: str, whose: str) -> None:
    assert f"{named} overlaps {whose}" in refusal(shop(), named)


def test_what_could_not_be_checked_is_told_and_asked_about() -> None:
    world = shop(denied_kinds=frozenset({"Node", "ServiceCIDR", "EndpointSlice"}))
    assert intent(world).ask.endswith(
        "whether they are the cluster's own was not checked for addresses of nodes and Pods, Service addresses (no"
        " ServiceCIDR can be read), the API server's address"
    )


def test_nodes_that_do_not_name_their_pods_addresses_are_asked_about() -> None:
    world = shop()
    world.objects["Node", "n1"]["spec"] = {}
    assert "Pod addresses (no node names its podCIDRs)" in intent(world).ask


def test_the_clusters_own_addresses_are_read_as_the_operator_itself() -> None:
    world = shop()
    intent(world)
    own = [read for read in world.asked if isinstance(read, GetObject | ListObjects) and read.own]
    assert {NODE.plural, SERVICE_CIDR.plural} <= {read.resource.plural for read in own if isinstance(read, ListObjects)}


# --- the Pods


def test_pods_on_the_host_network_are_refused() -> None:
    world = shop(pod("web-9", hostNetwork=True))
    assert refusal(world) == "web-9 uses the host's network, which no policy reaches"


def test_a_target_without_pods_is_refused() -> None:
    world = World.of(workload(), replica_set(1, template()), *cluster())
    assert refusal(world) == "Deployment/web has no Pod that could be shielded"


def test_a_vanished_target_is_refused() -> None:
    expect(Failed, prepare("blockIPs", World.of(*cluster()), cidrs=[ATTACKER]))


# --- policies add up


def test_another_policy_that_allows_everybody_makes_a_block_impossible() -> None:
    other = policy("web", ingress=[{"ports": [{"port": 80}]}])
    assert refusal(shop(other)) == (
        "one more policy cannot block 203.0.113.7 (Ingress): policies only add up, and NetworkPolicy/web allows every"
        " address (spec.ingress[0] names none): write spec.ingress[0].from with ipBlock 0.0.0.0/0 and 203.0.113.7/32 in"
        " its except"
    )


def test_another_policy_that_allows_the_address_is_named_with_the_mend() -> None:
    peers = [{"podSelector": {}}, {"ipBlock": {"cidr": "203.0.0.0/16", "except": ["203.0.112.0/24"]}}]
    other = policy("web", ingress=[{"from": peers}])
    assert refusal(shop(other)).endswith(
        "NetworkPolicy/web allows 203.0.0.0/16 (spec.ingress[0].from[1].ipBlock): add 203.0.113.7/32 to its except"
    )


def test_a_block_of_another_incident_is_such_a_policy() -> None:
    first = shop()
    other = created(first, "198.51.100.1")
    other["metadata"] |= {"name": "earlier", "uid": "uid-earlier"}
    message = refusal(shop(other))
    assert "NetworkPolicy/earlier allows 0.0.0.0/0" in message
    assert message.endswith(
        "it is the block of incident checkout-down; lift that (kubectl incident undo checkout-down mend --reason WHY -n"
        " shop), and name all addresses in one step"
    )


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"from": [{"namespaceSelector": {}}]}],
        [{"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}],
        [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["203.0.113.0/24"]}}]}],
        [{"from": [{"ipBlock": {"cidr": "::/0"}}]}],
    ],
    ids=["nothing", "pods", "other addresses", "all but these", "the other family"],
)
def test_what_no_other_policy_allows_is_denied_already(rules: list[Object]) -> None:
    skipped = expect(Skipped, prepare("blockIPs", shop(policy("deny", ingress=rules)), cidrs=[ATTACKER]))
    assert skipped.message == "203.0.113.7 is denied already by NetworkPolicy deny"


def test_a_policy_for_some_of_the_pods_would_be_widened_so_it_is_refused() -> None:
    world = shop(policy("canary", selects={"track": "canary"}))
    world.objects["Pod", "web-1"]["metadata"]["labels"]["track"] = "canary"
    assert refusal(world).startswith("NetworkPolicy/canary restricts only some of the Pods of Deployment/web (Ingress)")


@pytest.mark.parametrize("other", [policy("egress", policyTypes=["Egress"]), policy("others", selects={"app": "db"})])
def test_policies_about_something_else_are_no_hindrance(other: Object) -> None:
    intent(shop(other))


def test_of_two_directions_the_one_that_is_denied_already_is_left_out() -> None:
    body = created(shop(policy("deny", policyTypes=["Egress"])), direction="Both")
    assert body["spec"]["policyTypes"] == ["Ingress"]


def test_a_policy_that_came_meanwhile_is_not_widened() -> None:
    world = shop()
    record = record_of(prepare("blockIPs", world, cidrs=[ATTACKER]))
    other = policy("deny", ingress=[])
    world.objects["NetworkPolicy", "deny"] = other
    failed = expect(Failed, observe("blockIPs", world, record, cidrs=[ATTACKER]))
    assert failed.untouched


# --- whose address the Pods see


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
def test_a_service_that_may_hide_the_clients_address_is_told(kind: str) -> None:
    found = intent(shop(service(type=kind)))
    assert "Service web is reached from outside with externalTrafficPolicy Cluster" in found.message
    assert "set it to Local, or block at the load balancer too" in found.message


@pytest.mark.parametrize(
    "other",
    [service(type="LoadBalancer", externalTrafficPolicy="Local"), service(type="ClusterIP"), service(selector={})],
)
def test_other_services_hide_nothing(other: Object) -> None:
    assert "Service" not in intent(shop(other)).message


def test_a_load_balancer_does_not_matter_for_what_the_pods_send() -> None:
    assert "Service" not in intent(shop(service(type="LoadBalancer")), direction="Egress").message


def test_services_that_may_not_be_listed_are_said_to_be_unseen() -> None:
    assert "was not seen (no right to list Services)" in intent(shop(denied_kinds=frozenset({"Service"}))).message


# --- after a crash, and back


def test_a_policy_that_is_there_is_done() -> None:
    world = shop()
    record = record_of(prepare("blockIPs", world, cidrs=[ATTACKER]))
    apply(world, *expect(Pending, observe("blockIPs", world, record, cidrs=[ATTACKER])).effects)
    expect(Finished, observe("blockIPs", world, record, cidrs=[ATTACKER]))


def test_the_same_block_has_the_same_identity_whenever_it_is_asked_for() -> None:
    assert intent(shop()).identity == intent(shop(), "203.0.113.7/32").identity
    assert intent(shop()).identity != intent(shop(), "203.0.113.8").identity


def test_undo_deletes_the_policy_once() -> None:
    world = shop()
    record = record_of(prepare("blockIPs", world, cidrs=[ATTACKER]))
    apply(world, *expect(Pending, observe("blockIPs", world, record, cidrs=[ATTACKER])).effects)
    world.objects["NetworkPolicy", POLICY]["metadata"]["uid"] = "uid-policy"
    delete = only_effect(undo("blockIPs", world, record, cidrs=[ATTACKER]), Delete)
    assert delete.ref.uid == "uid-policy"
    apply(world, delete)
    assert expect(Finished, undo("blockIPs", world, record, cidrs=[ATTACKER])).message == (
        f"the block of 203.0.113.7 (Ingress) is lifted: NetworkPolicy/{POLICY} is deleted"
    )
