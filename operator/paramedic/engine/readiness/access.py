"""What a playbook's account may and may not do of what the playbook needs, by the kind of the target.

A playbook does not name its target's kind, so a permission is missing for sure only where no kind works.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from paramedic.actions.needs import helpful
from paramedic.actions.reads import MayI, Seen
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.playbook import PlaybookSpec
from paramedic.engine.readiness.findings import Finding
from paramedic.engine.readiness.needs import Needs, needs_of
from paramedic.model.permissions import Permission
from paramedic.model.references import POD, REPLICASET, SERVICE_ACCOUNT, WORKLOADS
from paramedic.model.text import listing

Permissions = frozenset[Permission]
#: What stands before a verb for the right to use it as a ServiceAccount (KEP-5284).
_ACT_AS = "impersonate-on:serviceaccount:"
_PATH = "spec.serviceAccountName"


def kinds_of(spec: PlaybookSpec) -> list[str]:
    """The kinds of targets that every step and check works on; one that is no workload where a step is made for it."""
    used = [(step.action, step.parameters) for step in spec.all_steps]
    used += [(item.action, item.parameters) for item in spec.all_checks]
    bound = [kinds for action, params in used if (kinds := ACTIONS[action].works_on(params))]
    workloads = [item.kind for item in WORKLOADS]
    named = {kind for kinds in bound for kind in kinds}
    return [kind for kind in workloads + sorted(named.difference(workloads)) if all(kind in kinds for kinds in bound)]


def needs_by_kind(spec: PlaybookSpec) -> dict[str, Needs]:
    """What a run on each kind of target needs, finding the target included, and which steps need it."""
    found = {}
    for kind in kinds_of(spec):
        found[kind] = needs_of(spec, kind)
        for resource in WORKLOADS:
            if resource.kind == kind:
                found[kind].setdefault(Permission.to("get", resource), []).append("the target")
    return found


def refused(permissions: Iterable[Permission], seen: Seen, namespace: str, *, own: bool = False) -> Permissions:
    """Those of these that the account, or with ``own`` the operator itself, does not have. Raises Missing, and Denied
    where it cannot be asked."""
    questions = {MayI(item, namespace, own): item for item in sorted(set(permissions))}
    seen.prefetch(questions)
    return frozenset(item for question, item in questions.items() if not seen.may(question))


def missing_permissions(
    account: str, needs: Mapping[str, Needs], lacking: Mapping[str, Permissions], more: str
) -> Iterator[Finding]:
    """The finding that the playbook works for no kind of target, where that is so."""
    if not lacking or not all(lacking.values()):
        return
    common = frozenset.intersection(*lacking.values())
    parts = [_listed(common, needs)] if common else []
    for kind, permissions in lacking.items():
        if rest := permissions - common:
            parts.append(f"for {kind}s {_listed(rest, needs)}")
    yield Finding(_PATH, f"ServiceAccount {account} may not {', '.join(parts)}", more, reason="MissingPermission")


def _listed(permissions: Permissions, needs: Mapping[str, Needs]) -> str:
    steps = {item: wanted[item] for wanted in needs.values() for item in wanted}
    return ", ".join(f'"{item}" (needed by {listing(steps[item])})' for item in sorted(permissions))


def lesser_permissions(
    spec: PlaybookSpec, lacking: Mapping[str, Permissions], seen: Seen, namespace: str
) -> Iterator[Finding]:
    """What works for fewer targets, or sees less, because of what the account lacks. Raises Missing, Denied."""
    account = spec.service_account_name
    routes = {
        "a Pod": {Permission.to("get", POD), Permission.to("get", REPLICASET), *_pod_permissions(spec)},
        "a ReplicaSet": {Permission.to("get", REPLICASET)},
    }
    optional = _optional(spec, [kind for kind, missing in lacking.items() if not missing])
    missing = refused([*optional, *(item for wanted in routes.values() for item in wanted)], seen, namespace)
    for route, wanted in routes.items():
        if lacks := sorted(missing & wanted):
            text = f"for incidents that name {route} it lacks {_quoted(lacks)}"
            yield Finding(_PATH, text, f"name the workload in them, or grant it to {account}", "Note")
    for permission in sorted(missing & set(optional)):
        text = f'without "{permission}", {listing(optional[permission])} looks less closely before it acts'
        yield Finding(_PATH, text, f"grant it to {account}, or leave it so", "Note")


def _pod_permissions(spec: PlaybookSpec) -> Iterator[Permission]:
    for step in spec.all_steps:
        yield from ACTIONS[step.action].pod_permissions(step.parameters)


def _optional(spec: PlaybookSpec, kinds: list[str]) -> Needs:
    found: Needs = {}
    for step in spec.all_steps:
        action = ACTIONS[step.action]
        for permission in {item for kind in kinds for item in helpful(action, step.parameters, kind)}:
            found.setdefault(permission, []).append(step.name)
    return found


def operator_lacks(account: str, needed: Permissions, seen: Seen, namespace: str) -> Permissions:
    """What the operator may not do as the account although the account may. Raises Missing, Denied."""
    # Who may impersonate it as Kubernetes before 1.36 knew it, may do all that the account may.
    if seen.may(MayI(Permission.to("impersonate", SERVICE_ACCOUNT, name=account), namespace, own=True)):
        return frozenset()
    return refused([_acting(item) for item in needed], seen, namespace, own=True)


def _acting(item: Permission) -> Permission:
    return replace(item, verb=_ACT_AS + item.verb)


def operator_problems(account: str, lacks: Permissions, namespace: str, more: str) -> Iterator[Finding]:
    if lacks:
        plain = [str(item).removeprefix(_ACT_AS) for item in sorted(lacks)]
        text = f"the operator may not {_quoted(plain)} as ServiceAccount {account} in namespace {namespace}"
        yield Finding(_PATH, text, more, reason="MissingPermission")


def _quoted(items: Iterable[object]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def kinds_text(needed: Mapping[str, Permissions], lacking: Mapping[str, Permissions]) -> str:
    """For which kinds of targets a playbook works, and what is missing for the others."""
    working = [f"{kind}s" for kind in needed if not lacking.get(kind)]
    parts = ["for " + " and ".join(filter(None, [", ".join(working[:-1]), working[-1]]))] if working else []
    parts += [f"for {kind}s it lacks {_quoted(sorted(missing))}" for kind, missing in lacking.items() if missing]
    return "; ".join(parts)
