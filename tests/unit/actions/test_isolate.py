"""isolate cuts the target, or one Pod of it, off the network for a time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from paramedic.actions.contract import Context, Failed, Finished, Intent, Pending
from paramedic.actions.effects import Create, Delete, MergePatch
from paramedic.model.names import QUARANTINE_LABEL
from paramedic.model.objects import Object
from paramedic.model.references import POD, ObjectRef
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import NAMESPACE, context, pod, replica_set, template, workload
from unit.seen import World

OPERATION = context().operation_id
POLICY = "checkout-down-mend-" + OPERATION[:8]


def shop(*more: Object, ready: int = 3) -> World:
    """web with three Pods, of which so many are ready."""
    pods = [pod(f"web-{number}", ready=number < ready) for number in range(3)]
    return World.of(workload(), replica_set(1, template()), *pods, *more)


def policy(name: str, selects: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}"},
        "spec": {"podSelector": {"matchLabels": selects or {}}, "policyTypes": ["Ingress"]} | spec,
    }


def isolated(world: World, ctx: Context | None = None, **params: Any) -> Any:
    """The record of an isolation whose effects are all done."""
    record = record_of(prepare("isolate", world, ctx, **params))
    apply(world, *expect(Pending, observe("isolate", world, record, ctx, **params)).effects)
    if ("NetworkPolicy", POLICY) in world.objects:
        world.objects["NetworkPolicy", POLICY]["metadata"]["uid"] = "uid-policy"
    return record


def created(world: World, **params: Any) -> Object:
    isolated(world, **params)
    return world.objects["NetworkPolicy", POLICY]


# --- the policy


def test_the_policy_denies_both_directions() -> None:
    spec = created(shop())["spec"]
    assert (spec["policyTypes"], spec["ingress"], spec["egress"]) == (["Ingress", "Egress"], [], [])


def test_the_policy_selects_what_the_workload_selects() -> None:
    assert created(shop())["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}


@pytest.mark.parametrize("params", [{}, {"pod": "web-1"}])
def test_the_selector_is_never_empty(params: dict[str, Any]) -> None:
    assert created(shop(), **params)["spec"]["podSelector"]["matchLabels"]


def test_a_workload_with_an_empty_selector_is_not_isolated() -> None:
    world = shop()
    world.objects["Deployment", "web"]["spec"]["selector"] = {}
    assert refused(prepare("isolate", world)) == "Deployment/web has no Pod that could be isolated"


def test_the_policy_says_when_it_ends_and_who_may_end_it() -> None:
    assert created(shop(), ttl="90m")["metadata"]["annotations"] == {
        "paramedic.dev/operation-id": OPERATION,
        "paramedic.dev/incident-uid": context().incident_uid,
        "paramedic.dev/service-account": "responder",
        "paramedic.dev/expires-at": "2026-11-24T04:30:00.000000Z",
    }


def test_the_policy_has_no_owner_so_that_it_outlives_its_incident() -> None:
    assert "ownerReferences" not in created(shop())["metadata"]


def test_the_intent_ends_by_itself_after_an_hour() -> None:
    assert expect(Intent, prepare("isolate", shop())).expires_at == datetime(2026, 11, 24, 4, tzinfo=UTC)


def test_the_plan_shows_what_stays_open() -> None:
    assert expect(Intent, prepare("isolate", shop())).message == (
        "isolating Deployment/web (3 Pods) until 2026-11-24T04:00:00Z, nothing left open"
    )


def test_nothing_is_said_to_be_contained_only_that_the_policy_is_stored() -> None:
    record = record_of(prepare("isolate", shop()))
    done = expect(Pending, observe("isolate", shop(), record)).done
    assert expect(Finished, done).message.endswith(
        "it is stored, and enforced only if the cluster's network plugin enforces policies"
    )


def test_the_outputs_name_the_policy_and_count_the_pods() -> None:
    world = shop()
    record = isolated(world)
    assert dict(expect(Finished, observe("isolate", world, record)).outputs) == {
        "policy": POLICY,
        "pods": 3,
        "dns": False,
        "stillAllowedBy": [],
    }


# --- DNS


def test_dns_is_left_open_where_the_playbook_says_so() -> None:
    (rule,) = created(shop(), allowDNS=True)["spec"]["egress"]
    assert rule == {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
        "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
    }


def test_dns_is_not_opened_where_another_policy_denies_egress() -> None:
    denying = policy("deny", {"app": "web"}, policyTypes=["Egress"])
    assert created(shop(denying), allowDNS=True)["spec"]["egress"] == []


def test_the_plan_says_why_dns_is_not_opened() -> None:
    denying = policy("deny", {"app": "web"}, policyTypes=["Egress"])
    message = expect(Intent, prepare("isolate", shop(denying), allowDNS=True)).message
    assert message.endswith(
        "nothing left open; DNS is not opened, because another policy denies egress and policies only add up"
    )


def test_a_policy_about_other_pods_does_not_keep_dns_closed() -> None:
    elsewhere = policy("deny", {"app": "db"}, policyTypes=["Egress"])
    assert created(shop(elsewhere), allowDNS=True)["spec"]["egress"] != []


# --- what other policies still allow


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_a_policy_that_still_allows_traffic_is_named(direction: str) -> None:
    allowing = policy("allow-all", {"app": "web"}, **{direction: [{}]})
    assert record_of(prepare("isolate", shop(allowing)))["stillAllowedBy"] == ["allow-all"]


@pytest.mark.parametrize(
    "other", [policy("deny", {"app": "web"}, ingress=[]), policy("elsewhere", {"app": "db"}, ingress=[{}])]
)
def test_a_policy_that_allows_these_pods_nothing_is_not_named(other: Object) -> None:
    assert record_of(prepare("isolate", shop(other)))["stillAllowedBy"] == []


def test_the_outcome_says_what_is_still_allowed() -> None:
    world = shop(policy("allow-all", {}, ingress=[{}]))
    done = expect(Pending, observe("isolate", world, record_of(prepare("isolate", world)))).done
    assert "still allowed by other policies: allow-all" in expect(Finished, done).message


# --- one quarantined Pod


def test_a_quarantined_pod_alone_gets_the_label_that_its_policy_selects() -> None:
    world = shop()
    isolated(world, pod="web-1")
    labelled = [
        name for (kind, name), obj in world.objects.items()
        if kind == "Pod" and obj["metadata"]["labels"].get(QUARANTINE_LABEL) == OPERATION
    ]  # fmt: skip
    assert labelled == ["web-1"]


def test_the_policy_of_a_quarantine_selects_nothing_but_its_label() -> None:
    assert created(shop(), pod="web-1")["spec"]["podSelector"] == {"matchLabels": {QUARANTINE_LABEL: OPERATION}}


def test_the_policy_is_there_before_the_pod_is_labelled() -> None:
    pending = expect(
        Pending, observe("isolate", shop(), record_of(prepare("isolate", shop(), pod="web-1")), pod="web-1")
    )
    assert [type(effect) for effect in pending.effects] == [Create, MergePatch]


def test_an_incident_about_a_pod_quarantines_that_pod() -> None:
    ctx = context(pod=ObjectRef.to(POD, NAMESPACE, "web-2", "uid-web-2"))
    assert record_of(prepare("isolate", shop(), ctx))["pod"] == "web-2"


@pytest.mark.parametrize("params", [{}, {"pod": "web-2"}], ids=["by the incident", "by the playbook too"])
def test_a_successor_that_has_taken_the_name_of_the_incidents_pod_is_not_quarantined(params: dict[str, Any]) -> None:
    ctx = context(pod=ObjectRef.to(POD, NAMESPACE, "web-2", "uid-of-the-one-before"))
    assert refused(prepare("isolate", shop(), ctx, **params)) == (
        "Pod/web-2 that this incident is about is gone, and another Pod of Deployment/web has its name; that one is"
        " left alone: open a new incident if it is to be isolated"
    )


def test_a_playbook_may_name_another_pod_than_the_incident() -> None:
    ctx = context(pod=ObjectRef.to(POD, NAMESPACE, "web-2", "uid-of-the-one-before"))
    assert record_of(prepare("isolate", shop(), ctx, pod="web-1"))["podUID"] == "uid-web-1"


def test_a_pod_of_somebody_else_is_not_quarantined() -> None:
    assert refused(prepare("isolate", shop(), pod="db-0")) == "Pod/db-0 is not a running Pod of Deployment/web"


def test_the_last_ready_pod_is_not_quarantined() -> None:
    message = refused(prepare("isolate", shop(ready=1), pod="web-0"))
    assert message.startswith(
        "Pod/web-0 is the last ready Pod of Deployment/web: isolating it would take the service down"
    )


def test_a_pod_that_is_not_ready_can_be_quarantined_beside_the_last_ready_one() -> None:
    expect(Intent, prepare("isolate", shop(ready=1), pod="web-2"))


def test_a_pod_that_was_replaced_meanwhile_is_not_labelled() -> None:
    world = shop()
    record = record_of(prepare("isolate", world, pod="web-1"))
    world.objects["Pod", "web-1"]["metadata"]["uid"] = "uid-another"
    assert refused(observe("isolate", world, record, pod="web-1")) == "Pod/web-1 is gone"


# --- refusals


def test_a_pod_on_the_hosts_network_is_refused() -> None:
    hosted = pod("web-9", hostNetwork=True)
    assert refused(prepare("isolate", shop(hosted))) == "web-9 uses the host's network, which no policy reaches"


def test_a_target_without_a_pod_is_refused() -> None:
    assert "has no Pod that could be isolated" in refused(
        prepare("isolate", World.of(workload(), replica_set(1, template())))
    )


# --- exactly once


def test_an_isolation_that_is_in_place_is_not_made_again() -> None:
    world = shop()
    record = isolated(world, pod="web-1")
    expect(Finished, observe("isolate", world, record, pod="web-1"))


def test_after_a_crash_between_the_two_effects_only_the_missing_one_is_done() -> None:
    world = shop()
    record = record_of(prepare("isolate", world, pod="web-1"))
    create, _ = expect(Pending, observe("isolate", world, record, pod="web-1")).effects
    apply(world, create)
    assert only_effect(observe("isolate", world, record, pod="web-1"), MergePatch).ref.name == "web-1"


# --- the way back


def test_undo_deletes_the_policy_by_uid() -> None:
    world = shop()
    record = isolated(world)
    assert only_effect(undo("isolate", world, record), Delete).ref.uid == "uid-policy"


def test_undo_takes_the_label_off_the_quarantined_pod() -> None:
    world = shop()
    record = isolated(world, pod="web-1")
    apply(world, *expect(Pending, undo("isolate", world, record, pod="web-1")).effects)
    assert QUARANTINE_LABEL not in world.objects["Pod", "web-1"]["metadata"]["labels"]


def test_undo_takes_the_label_off_before_the_policy_that_tells_of_it_goes() -> None:
    world = shop()
    record = isolated(world, pod="web-1")
    pending = expect(Pending, undo("isolate", world, record, pod="web-1"))
    assert [type(effect) for effect in pending.effects] == [MergePatch, Delete]


def test_undo_leaves_the_label_of_another_quarantine() -> None:
    world = shop()
    record = isolated(world, pod="web-1")
    world.objects["Pod", "web-1"]["metadata"]["labels"][QUARANTINE_LABEL] = "another"
    only_effect(undo("isolate", world, record, pod="web-1"), Delete)


def test_undo_is_done_once() -> None:
    world = shop()
    record = isolated(world, pod="web-1")
    apply(world, *expect(Pending, undo("isolate", world, record, pod="web-1")).effects)
    assert expect(Finished, undo("isolate", world, record, pod="web-1")).message == (
        f"the isolation of Pod/web-1 is lifted: NetworkPolicy/{POLICY} is deleted"
    )


def test_undo_lifts_the_policy_when_the_quarantined_pod_is_gone() -> None:
    world = shop()
    record = isolated(world, pod="web-1")
    del world.objects["Pod", "web-1"]
    only_effect(undo("isolate", world, record, pod="web-1"), Delete)


def test_a_policy_that_is_being_deleted_is_not_deleted_again() -> None:
    world = shop()
    record = isolated(world)
    world.objects["NetworkPolicy", POLICY]["metadata"]["deletionTimestamp"] = "2026-11-24T03:00:00Z"
    expect(Finished, undo("isolate", world, record))


def test_a_vanished_target_is_refused() -> None:
    expect(Failed, prepare("isolate", World.of()))
