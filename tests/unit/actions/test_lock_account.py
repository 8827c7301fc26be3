"""lockAccount takes an account out of the bindings that name it, and puts it back; nothing else, and nobody who is needed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished, Intent, Pending, Skipped, Unknown
from paramedic.actions.effects import Hold, MergePatch, Send
from paramedic.actions.lock_account import LockAccountParameters
from paramedic.actions.reads import HttpAnswer
from paramedic.model.names import OPERATION_ANNOTATION
from paramedic.model.objects import Object
from unit.acting import apply, expect, observe, prepare, record_of, refused, undo
from unit.builders import NAMESPACE, NOW, context, pod, workload
from unit.seen import World

ACCOUNT = {"serviceAccount": "web"}
WEB = {"kind": "ServiceAccount", "name": "web", "namespace": NAMESPACE}
ALICE = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}
BOB = ALICE | {"name": "bob"}
IDP = {
    "account": "alice@example.com",
    "lock": {"url": "https://idp.example.com/v1/lock", "body": {"user": "alice"}},
    "unlock": {"url": "https://idp.example.com/v1/unlock", "body": {"user": "alice"}},
}
MISSING_BIND = frozenset({"bind clusterroles.rbac.authorization.k8s.io named edit"})


def group(name: str) -> Object:
    return {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name}


def binding(name: str, *subjects: Object, kind: str = "RoleBinding", role: str = "edit", **meta: Any) -> Object:
    where = {} if kind == "ClusterRoleBinding" else {"namespace": NAMESPACE}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "7"} | where | meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": list(subjects),
    }


def account(name: str = "web") -> Object:
    return {"kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}


def locked(world: World, **params: Any) -> Mapping[str, Any]:
    """What was written down, once the account is locked in this world."""
    record = record_of(prepare("lockAccount", world, **params))
    pending = expect(Pending, observe("lockAccount", world, record, **params))
    apply(world, *[effect for effect in pending.effects if isinstance(effect, MergePatch)])
    return record


def subjects(world: World, name: str, kind: str = "RoleBinding") -> list[Object]:
    found: list[Object] = world.objects[kind, name]["subjects"]
    return found


# --- what is taken


def test_an_account_is_taken_out_of_each_binding_that_names_it_and_of_no_other() -> None:
    world = World.of(account(), binding("one", WEB, ALICE), binding("two", WEB), binding("three", BOB))
    locked(world, **ACCOUNT)
    assert subjects(world, "one") == [ALICE]
    assert subjects(world, "two") == []
    assert subjects(world, "three") == [BOB]


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "ServiceAccount", "name": "web"},  # of the binding's own namespace
        {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:serviceaccount:shop:web"},
    ],
)
def test_a_service_account_is_found_however_it_is_named(subject: Object) -> None:
    world = World.of(account(), binding("one", subject))
    locked(world, **ACCOUNT)
    assert subjects(world, "one") == []


@pytest.mark.parametrize("subject", [WEB | {"namespace": "bank"}, WEB | {"name": "web2"}, ALICE | {"name": "web"}])
def test_another_account_of_a_like_name_is_left_alone(subject: Object) -> None:
    world = World.of(account(), binding("one", subject))
    expect(Skipped, prepare("lockAccount", world, **ACCOUNT))


def test_each_patch_is_bound_and_carries_the_operation() -> None:
    world = World.of(account(), binding("one", WEB, ALICE))
    record = record_of(prepare("lockAccount", world, **ACCOUNT))
    hold, patch = expect(Pending, observe("lockAccount", world, record, **ACCOUNT)).effects
    assert expect(MergePatch, patch).ref.uid == "uid-one" and expect(MergePatch, patch).resource_version == "7"
    assert expect(MergePatch, patch).patch["metadata"]["annotations"] == {OPERATION_ANNOTATION: context().operation_id}
    assert expect(Hold, hold).until == "2026-11-24T04:00:00.000000Z"


def test_a_user_is_locked_by_name() -> None:
    world = World.of(binding("one", WEB, ALICE))
    locked(world, user="alice")
    assert subjects(world, "one") == [WEB]


def test_cluster_role_bindings_are_left_alone_but_named_unless_it_is_said_otherwise() -> None:
    world = World.of(binding("one", ALICE), binding("all", ALICE, kind="ClusterRoleBinding"))
    record = locked(world, user="alice")
    assert record["stillAllowedBy"] == ["ClusterRoleBinding/all"]
    assert subjects(world, "all", "ClusterRoleBinding") == [ALICE]


def test_cluster_wide_takes_it_out_of_cluster_role_bindings_too_but_never_of_the_clusters_own() -> None:
    world = World.of(
        binding("one", ALICE), binding("all", ALICE, kind="ClusterRoleBinding"),
        binding("system:node", ALICE, kind="ClusterRoleBinding"),
    )  # fmt: skip
    record = locked(world, user="alice", clusterWide=True)
    assert subjects(world, "all", "ClusterRoleBinding") == []
    assert subjects(world, "system:node", "ClusterRoleBinding") == [ALICE]
    assert record["stillAllowedBy"] == ["ClusterRoleBinding/system:node"]


# --- what is said


def test_what_a_group_still_allows_is_named() -> None:
    world = World.of(
        account(), binding("one", WEB), binding("all", group("system:serviceaccounts:shop")),
        binding("others", group("system:serviceaccounts:bank")), binding("known", group("system:authenticated")),
    )  # fmt: skip
    found = locked(world, **ACCOUNT)["stillAllowedBy"]
    assert found == [
        "RoleBinding/all (group system:serviceaccounts:shop)",
        "RoleBinding/known (group system:authenticated)",
    ]


def test_groups_that_a_user_may_be_in_are_named_as_such() -> None:
    world = World.of(binding("one", ALICE), binding("devs", group("developers")))
    assert locked(world, user="alice")["stillAllowedBy"] == ["RoleBinding/devs (if in group developers)"]


def test_what_everybody_may_by_the_clusters_own_defaults_is_not_told() -> None:
    defaults = {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}
    public = binding("system:discovery", group("system:authenticated"), kind="ClusterRoleBinding", **defaults)
    assert locked(World.of(account(), binding("one", WEB), public), **ACCOUNT)["stillAllowedBy"] == []


def test_without_a_right_to_see_cluster_role_bindings_that_is_said() -> None:
    world = World.of(account(), binding("one", WEB), denied_kinds=frozenset({"ClusterRoleBinding"}))
    assert locked(world, **ACCOUNT)["stillAllowedBy"] == ["ClusterRoleBindings (not looked at)"]


def test_the_end_says_what_tokens_can_still_do() -> None:
    world = World.of(account(), binding("one", WEB), binding("all", group("system:serviceaccounts")))
    record = locked(world, **ACCOUNT)
    message = expect(Finished, observe("lockAccount", world, record, **ACCOUNT)).message
    assert message == (
        "ServiceAccount web is taken out of RoleBinding/one until 2026-11-24T04:00:00Z; still allowed by"
        " RoleBinding/all (group system:serviceaccounts); its tokens stay valid, with these rights alone, and running Pods"
        " keep theirs"
    )


@pytest.mark.parametrize(
    ("mark", "who"), [("argocd.argoproj.io/tracking-id", "Argo CD"), ("kustomize.toolkit.fluxcd.io/name", "Flux")]
)
def test_who_would_put_it_back_at_the_next_sync_is_told(mark: str, who: str) -> None:
    world = World.of(account(), binding("one", WEB, labels={mark: "shop"}))
    message = expect(Intent, prepare("lockAccount", world, **ACCOUNT)).message
    assert f"what keeps RoleBinding/one ({who}) puts it back at its next sync" in message


# --- who is not locked, and when


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"serviceAccount": "responder"}, "is the account that this playbook acts as"),
        ({"user": "system:kube-scheduler"}, "belongs to the cluster itself"),
        ({"user": "system:serviceaccount:shop:web"}, "a ServiceAccount is named by serviceAccount"),
        ({"serviceAccount": "operator"}, "is paramedic's own account"),
        ({"user": "carol"}, "user carol responds to this incident"),
    ],
)
def test_who_is_needed_is_not_locked(params: dict[str, str], says: str) -> None:
    everybody = [{"kind": "User", "name": name} for name in ("carol", "system:kube-scheduler")]
    world = World.of(binding("one", WEB, *everybody), operator="system:serviceaccount:shop:operator")
    ctx = replace(context(), people=frozenset({"carol"}))
    assert says in refused(prepare("lockAccount", world, ctx, **params))


def test_a_name_that_is_misspelt_is_no_lock() -> None:
    world = World.of(account(), binding("one", WEB))
    assert "there is no ServiceAccount wbe" in refused(prepare("lockAccount", world, serviceAccount="wbe"))
    assert "is the name spelt" in refused(prepare("lockAccount", world, user="alcie"))


def test_what_could_not_be_put_back_is_not_taken_away() -> None:
    world = World.of(account(), binding("one", WEB), refused=MISSING_BIND)
    world.patch_refusal = "attempting to grant RBAC permissions not currently held"
    message = refused(prepare("lockAccount", world, **ACCOUNT))
    assert "RoleBinding/one could not be put back: it binds ClusterRole edit" in message
    assert "What could not be put back is not taken away" in message
    assert 'grant it "bind clusterroles.rbac.authorization.k8s.io named edit"' in message


def test_an_account_that_holds_what_a_binding_grants_needs_no_right_to_bind() -> None:
    expect(Intent, prepare("lockAccount", World.of(account(), binding("one", WEB), refused=MISSING_BIND), **ACCOUNT))


def test_more_bindings_than_a_status_holds_are_refused() -> None:
    world = World.of(account(), *[binding(f"b{number}", WEB) for number in range(21)])
    assert "is in 21 bindings, more than 20" in refused(prepare("lockAccount", world, **ACCOUNT))


def pods(*names: str, of: str = "h1") -> list[Object]:
    return [pod(name, of=of, serviceAccountName="web") for name in names]


def test_a_person_is_asked_where_pods_of_others_run_as_it() -> None:
    target = workload("StatefulSet")
    world = World.of(
        target, account(), binding("one", WEB), *pods("web-1", of="StatefulSet"), *pods("jobs-1", of="else")
    )
    ctx = replace(context(), target=replace(context().target, kind="StatefulSet"))
    ask = expect(Intent, prepare("lockAccount", world, ctx, **ACCOUNT)).ask
    assert "1 Pod that are not of StatefulSet/web run as it" in ask and "Pod/jobs-1" in ask


def test_nobody_is_asked_where_only_the_targets_own_pods_run_as_it() -> None:
    target = workload("StatefulSet")
    world = World.of(target, account(), binding("one", WEB), *pods("web-1", "web-2", of="StatefulSet"))
    ctx = replace(context(), target=replace(context().target, kind="StatefulSet"))
    assert expect(Intent, prepare("lockAccount", world, ctx, **ACCOUNT)).ask == ""


@pytest.mark.parametrize("params", [{}, {"user": "a", "serviceAccount": "b"}, {"user": "a", "provider": IDP}])
def test_exactly_one_account_is_named(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="name exactly one of serviceAccount, user and provider"):
        LockAccountParameters.model_validate(params)


def test_an_approval_is_for_these_bindings_and_no_others() -> None:
    world = World.of(account(), binding("one", WEB))
    first = expect(Intent, prepare("lockAccount", world, **ACCOUNT)).identity
    world.objects["RoleBinding", "two"] = binding("two", WEB)
    assert expect(Intent, prepare("lockAccount", world, **ACCOUNT)).identity != first
    del world.objects["RoleBinding", "two"]
    assert expect(Intent, prepare("lockAccount", world, **ACCOUNT)).identity == first
    world.objects["RoleBinding", "one"]["metadata"]["uid"] = "uid-new"
    assert expect(Intent, prepare("lockAccount", world, **ACCOUNT)).identity != first


# --- after a crash


def test_asked_again_it_takes_out_only_what_is_still_in() -> None:
    world = World.of(account(), binding("one", WEB), binding("two", WEB))
    record = record_of(prepare("lockAccount", world, **ACCOUNT))
    pending = expect(Pending, observe("lockAccount", world, record, **ACCOUNT))
    apply(world, pending.effects[1])
    again = expect(Pending, observe("lockAccount", world, record, **ACCOUNT))
    assert [effect.ref.name for effect in again.effects if isinstance(effect, MergePatch)] == ["two"]
    apply(world, again.effects[1])
    expect(Finished, observe("lockAccount", world, record, **ACCOUNT))


def test_a_binding_that_was_made_anew_meanwhile_is_another_one() -> None:
    world = World.of(account(), binding("one", WEB))
    record = record_of(prepare("lockAccount", world, **ACCOUNT))
    world.objects["RoleBinding", "one"]["metadata"]["uid"] = "uid-new"
    expect(Finished, observe("lockAccount", world, record, **ACCOUNT))


# --- the way back


def test_an_undo_puts_it_back_beside_who_came_meanwhile() -> None:
    world = World.of(account(), binding("one", WEB, ALICE))
    record = locked(world, **ACCOUNT)
    world.objects["RoleBinding", "one"]["subjects"].append(BOB)
    pending = expect(Pending, undo("lockAccount", world, record, **ACCOUNT))
    apply(world, *pending.effects)
    assert subjects(world, "one") == [ALICE, BOB, WEB]
    assert OPERATION_ANNOTATION not in world.objects["RoleBinding", "one"]["metadata"]["annotations"]
    assert expect(Finished, undo("lockAccount", world, record, **ACCOUNT)).message == (
        "ServiceAccount web is unlocked: it is in its bindings again"
    )


def test_a_binding_that_others_changed_since_is_left_alone_and_told() -> None:
    world = World.of(account(), binding("one", WEB, ALICE), binding("two", WEB))
    record = locked(world, **ACCOUNT)
    del world.objects["RoleBinding", "one"]["metadata"]["annotations"][OPERATION_ANNOTATION]
    pending = expect(Pending, undo("lockAccount", world, record, **ACCOUNT))
    assert [effect.ref.name for effect in pending.effects] == ["two"]
    assert pending.done is not None
    assert "RoleBinding/one was changed by others since, so it is left as it is" in pending.done.message
    assert "put it back by hand" in pending.done.message


def test_a_binding_that_is_gone_is_not_made_again() -> None:
    world = World.of(account(), binding("one", WEB))
    record = locked(world, **ACCOUNT)
    del world.objects["RoleBinding", "one"]
    finished = expect(Finished, undo("lockAccount", world, record, **ACCOUNT))
    assert "RoleBinding/one is gone, or was made anew" in finished.message


def test_somebody_who_put_it_back_already_is_not_contradicted() -> None:
    world = World.of(account(), binding("one", WEB, ALICE))
    record = locked(world, **ACCOUNT)
    world.objects["RoleBinding", "one"] = binding("one", ALICE, WEB)
    expect(Finished, undo("lockAccount", world, record, **ACCOUNT))


# --- at an identity provider

PROVIDER = World(endpoints=("https://idp.example.com/v1",))


def test_a_provider_is_asked_to_lock_once_that_it_ends_is_written_down() -> None:
    record = record_of(prepare("lockAccount", PROVIDER, provider=IDP))
    hold, sent = expect(Pending, observe("lockAccount", PROVIDER, record, context(fresh=True), provider=IDP)).effects
    assert expect(Hold, hold).content["parameters"]["provider"] == IDP
    assert (expect(Send, sent).url, sent.key) == ("https://idp.example.com/v1/lock", context().operation_id)


def test_what_was_perhaps_locked_is_not_locked_again() -> None:
    record = record_of(prepare("lockAccount", PROVIDER, provider=IDP))
    expect(Unknown, observe("lockAccount", PROVIDER, record, context(), provider=IDP))


def test_the_answer_of_a_provider_says_until_when() -> None:
    record = record_of(prepare("lockAccount", PROVIDER, provider=IDP))
    pending = expect(Pending, observe("lockAccount", PROVIDER, record, context(fresh=True), provider=IDP))
    assert pending.read is not None
    finished = expect(Finished, pending.read(HttpAnswer(204, 0.1)))
    assert "alice@example.com is locked until 2026-11-24T04:00:00Z" in finished.message
    expect(Failed, pending.read(HttpAnswer(500, 0.1)))


def test_a_provider_is_asked_to_unlock_under_one_key_however_often() -> None:
    record = record_of(prepare("lockAccount", PROVIDER, provider=IDP))
    later = context(now=NOW + timedelta(hours=1))
    first, second = [expect(Pending, undo("lockAccount", PROVIDER, record, later, provider=IDP)) for _ in range(2)]
    assert first.effects == second.effects
    (sent,) = first.effects
    assert expect(Send, sent).url == "https://idp.example.com/v1/unlock"
    assert sent.key != context().operation_id


def test_a_provider_that_could_not_be_asked_to_unlock_is_not_asked_to_lock() -> None:
    world = World(endpoints=("https://idp.example.com/v1/lock",))
    message = refused(prepare("lockAccount", world, provider=IDP))
    assert "may not send to https://idp.example.com/v1/unlock" in message
    assert "What could not be unlocked is not locked" in message


def test_who_responds_is_not_locked_at_a_provider_either() -> None:
    ctx = replace(context(), people=frozenset({"alice@example.com"}))
    assert "responds to this incident" in refused(prepare("lockAccount", PROVIDER, ctx, provider=IDP))


def test_the_name_of_a_service_account_may_be_filled_in_and_is_then_checked() -> None:
    parse = LockAccountParameters.model_validate
    assert parse({"serviceAccount": "${parameters.account}"})
    with pytest.raises(ValidationError, match="is no name of a ServiceAccount; write one such as shop-responder"):
        parse({"serviceAccount": "Shop responder"})
