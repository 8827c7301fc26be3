"""Locking an account of the cluster: out of every binding that names it, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from paramedic.actions.accounts.bindings import (
    Account,
    cluster_role_bindings,
    managers_of,
    name_of,
    naming,
    putting_back,
    recorded,
    ref_of,
    role_bindings,
    still_allowing,
    taking_out,
    unrestorable,
)
from paramedic.actions.contract import Context, Failed, Finished, Intent, Pending, Preparation, Skipped
from paramedic.actions.effects import Effect, Hold
from paramedic.actions.reads import Denied, GetObject, ListObjects, Seen
from paramedic.actions.targets import pods_of
from paramedic.model.names import service_account_user
from paramedic.model.objects import Object, dig
from paramedic.model.references import POD, SERVICE_ACCOUNT, WORKLOADS, ObjectRef
from paramedic.model.text import listing, plural
from paramedic.model.times import format_time
from paramedic.model.workloads import pod_counts

#: More bindings than these are no account of a person or a service, and would fill the status.
_MOST = 20
_NOT_SEEN = "ClusterRoleBindings (not looked at)"


def find_lock(account: Account, cluster_wide: bool, until: datetime, ctx: Context, seen: Seen) -> Preparation:
    """What would be taken from the account, or why that is refused."""
    if refusal := _protected(account, ctx, seen):
        return Failed(refusal, final=True)
    local = role_bindings(ctx, seen)
    wider, not_seen = _wider(cluster_wide, seen)
    ours = [item for item in wider if not item["metadata"]["name"].startswith("system:")] if cluster_wide else []
    bindings = naming(account, [*local, *ours])
    allowing = still_allowing(account, [*local, *wider]) + not_seen
    allowing += [name_of(item) for item in naming(account, wider) if item not in bindings]
    if not bindings:
        return _nothing_to_take(account, allowing, ctx, seen)
    if len(bindings) > _MOST:
        return Failed(f"{account} is in {len(bindings)} bindings, more than {_MOST}; lock it by hand", final=True)
    if refusal := unrestorable(bindings, account, ctx, seen):
        return Failed(f"{refusal}. What could not be put back is not taken away", final=True)
    record = {
        "operation": ctx.operation_id,
        "account": str(account),
        "bindings": [recorded(account, item) for item in bindings],
        "stillAllowedBy": allowing[:10],
        "until": format_time(until),
    }
    change = {"account": str(account), "bindings": record["bindings"]}
    text = f"locking {account} until {record['until'][:19]}Z: taking it out of {listing([name_of(item) for item in bindings], 10)}"
    if managed := managers_of(bindings):
        text += f"; what keeps {listing(managed)} puts it back at its next sync"
    return Intent(record, text, ctx.target, expires_at=until, ask=_ask(account, text, ctx, seen), change=change)


def _protected(account: Account, ctx: Context, seen: Seen) -> str:
    """Why an account is never locked by a playbook; empty if it may be."""
    if not account.namespace and account.name.startswith("system:"):
        return (
            f"{account} belongs to the cluster itself, and is not locked; a ServiceAccount is named by serviceAccount"
        )
    if account.user == seen.operator():
        return f"{account} is paramedic's own account: without it nothing could be unlocked"
    if account.user == service_account_user(ctx.namespace, ctx.account):
        return f"{account} is the account that this playbook acts as: without it nothing could be unlocked"
    if account.user in ctx.people:
        return f"{account} responds to this incident (it opened, took, leads or answered it), and so is not locked"
    return ""


def _wider(needed: bool, seen: Seen) -> tuple[list[Object], list[str]]:
    """The ClusterRoleBindings, and what is said where they may not be seen and need not be. Raises Denied."""
    try:
        return cluster_role_bindings(seen), []
    except Denied:
        if needed:
            raise
        return [], [_NOT_SEEN]


def _nothing_to_take(account: Account, allowing: list[str], ctx: Context, seen: Seen) -> Skipped | Failed:
    if account.namespace:
        if seen.get(ObjectRef.to(SERVICE_ACCOUNT, ctx.namespace, account.name)) is None:
            return Failed(f"there is no {account} in namespace {ctx.namespace}, and no binding names it", final=True)
        return Skipped(
            f"no binding names {account}, so there is nothing to take away; still allowed by {listing(allowing)}"
        )
    return Failed(
        f"no binding in namespace {ctx.namespace} names {account}; is the name spelt as the API server knows it?",
        final=True,
    )


def _ask(account: Account, text: str, ctx: Context, seen: Seen) -> str:
    """Why a person must approve it: Pods of others than the target would lose their rights."""
    if not account.namespace:
        return ""
    found = seen.items(ListObjects(POD, ctx.namespace, field_selector=f"spec.serviceAccountName={account.name}"))
    own = _pods_of_target(ctx, seen)
    others = [pod for pod in found if pod_counts(pod) and pod["metadata"]["uid"] not in own]
    if not others:
        return ""
    names = listing([f"Pod/{pod['metadata']['name']}" for pod in others])
    return f"{text}. {plural(len(others), 'Pod')} that are not of {ctx.target} run as it and lose these rights too: {names}"


def _pods_of_target(ctx: Context, seen: Seen) -> set[str]:
    if ctx.target.kind not in {item.kind for item in WORKLOADS}:
        return set()
    workload = seen.get(ctx.target)
    return {str(pod["metadata"]["uid"]) for pod in pods_of(workload, seen)} if workload else set()


def observe_lock(hold: Hold, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Pending | Finished:
    """Takes the account out of what still names it. That it ends is written down before."""
    found = _stored(ctx, record, seen)
    patches = [
        patch for item, obj in found if obj is not None and (patch := taking_out(obj, item, record["operation"], ctx))
    ]
    names = [f"{item['kind']}/{item['name']}" for item in record["bindings"]]
    outputs = {
        "account": record["account"], "bindings": names, "stillAllowedBy": record["stillAllowedBy"],
        "until": record["until"],
    }  # fmt: skip
    text = f"{record['account']} is taken out of {listing(names, 10)} until {record['until'][:19]}Z"
    if record["stillAllowedBy"]:
        text += f"; still allowed by {listing(list(record['stillAllowedBy']))}"
    done = Finished(text + "; its tokens stay valid, with these rights alone, and running Pods keep theirs", outputs)
    effects: tuple[Effect, ...] = (hold, *patches)
    return Pending(effects, done=done) if patches else done


def undo_lock(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Pending | Finished:
    """Puts the account back into what is still as it was left, and says what is not."""
    effects: list[Effect] = []
    left = []
    for item, obj in _stored(ctx, record, seen):
        name = f"{item['kind']}/{item['name']}"
        if obj is None:
            left.append(f"{name} is gone, or was made anew")
            continue
        answer = putting_back(obj, item, record["operation"], ctx)
        if isinstance(answer, str):
            left.append(answer)
        elif answer is not None:
            effects.append(answer)
    text = f"{record['account']} is unlocked: it is in its bindings again"
    if left:
        text += f", but {'; '.join(left)}: where it should be in there again, put it back by hand"
    done = Finished(text)
    return Pending(tuple(effects), done=done) if effects else done


def _stored(ctx: Context, record: Mapping[str, Any], seen: Seen) -> list[tuple[Mapping[str, Any], Object | None]]:
    """The recorded bindings as they are now; None for one that is gone or that another one has taken the name of."""
    refs = [(item, ref_of(item, ctx)) for item in record["bindings"]]
    seen.prefetch(GetObject(ref.named) for _, ref in refs)
    found = [(item, seen.get(ref)) for item, ref in refs]
    return [(item, obj if dig(obj, "metadata", "uid") == item["uid"] else None) for item, obj in found]
