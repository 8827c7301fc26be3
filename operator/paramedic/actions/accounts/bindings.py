"""The bindings that give an account its rights: found, set aside, and put back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from paramedic.actions.contract import Context
from paramedic.actions.effects import MergePatch
from paramedic.actions.reads import ListObjects, MayI, Seen, TryPatch
from paramedic.actions.targets import carries
from paramedic.model.names import OPERATION_ANNOTATION, service_account_user
from paramedic.model.objects import Object, annotations, dig, labels
from paramedic.model.permissions import Permission
from paramedic.model.references import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, ObjectRef

_LIMIT = 2_000
#: Who puts a binding back as it was, by the label or annotation that tells of it.
_MANAGERS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}


@dataclass(frozen=True)
class Account:
    """Whose rights it is about. ``namespace`` is a ServiceAccount's; empty for a user."""

    name: str
    namespace: str = ""

    @property
    def user(self) -> str:
        """The name that the API server knows it by."""
        return service_account_user(self.namespace, self.name) if self.namespace else self.name

    @property
    def groups(self) -> frozenset[str]:
        """The groups that it is surely in."""
        found = {"system:authenticated"}
        if self.namespace:
            found |= {"system:serviceaccounts", f"system:serviceaccounts:{self.namespace}"}
        return frozenset(found)

    def __str__(self) -> str:
        return f"ServiceAccount {self.name}" if self.namespace else f"user {self.name}"

    def is_named_by(self, subject: Object, namespace: str) -> bool:
        """Whether a subject of a binding in this namespace is the account itself."""
        if subject.get("kind") == "ServiceAccount":
            home = subject.get("namespace") or namespace
            return bool(self.namespace) and (subject.get("name"), home) == (self.name, self.namespace)
        return subject.get("kind") == "User" and subject.get("name") == self.user


def subjects_of(binding: Object) -> list[Object]:
    found: list[Object] = dig(binding, "subjects", default=[])
    return found


def name_of(binding: Object) -> str:
    return f"{binding['kind']}/{binding['metadata']['name']}"


def role_bindings(ctx: Context, seen: Seen) -> list[Object]:
    return seen.items(ListObjects(ROLE_BINDING, ctx.namespace, limit=_LIMIT))


def cluster_role_bindings(seen: Seen) -> list[Object]:
    """Raises Denied."""
    return seen.items(ListObjects(CLUSTER_ROLE_BINDING, "", limit=_LIMIT))


def naming(account: Account, bindings: Iterable[Object]) -> list[Object]:
    """The bindings that name the account itself, by their names."""
    return sorted((item for item in bindings if _own(account, item)), key=name_of)


def _own(account: Account, binding: Object) -> list[Object]:
    namespace = dig(binding, "metadata", "namespace", default="")
    return [item for item in subjects_of(binding) if account.is_named_by(item, namespace)]


def still_allowing(account: Account, bindings: Iterable[Object]) -> list[str]:
    """Bindings that give it rights by a group that it is in, and, for a user, those of groups that it may be in."""
    found = []
    for item in bindings:
        if labels(item).get("kubernetes.io/bootstrapping") == "rbac-defaults" and item["kind"] == "ClusterRoleBinding":
            continue  # what everybody who is known may do, such as asking for the version
        groups = [str(subject.get("name")) for subject in subjects_of(item) if subject.get("kind") == "Group"]
        sure = [name for name in groups if name in account.groups]
        if sure:
            found.append(f"{name_of(item)} (group {sure[0]})")
        elif groups and not account.namespace:
            found.append(f"{name_of(item)} (if in group {groups[0]})")
    return sorted(found)


def recorded(account: Account, binding: Object) -> dict[str, Any]:
    """What is kept of a binding: which it is, and the subjects that are taken out of it."""
    return {
        "kind": binding["kind"],
        "name": binding["metadata"]["name"],
        "uid": binding["metadata"]["uid"],
        "role": f"{dig(binding, 'roleRef', 'kind')}/{dig(binding, 'roleRef', 'name')}",
        "subjects": _own(account, binding),
    }


def ref_of(item: Mapping[str, Any], ctx: Context) -> ObjectRef:
    cluster = item["kind"] == CLUSTER_ROLE_BINDING.kind
    resource = CLUSTER_ROLE_BINDING if cluster else ROLE_BINDING
    return ObjectRef.to(resource, "" if cluster else ctx.namespace, item["name"], item["uid"])


def taking_out(binding: Object, item: Mapping[str, Any], operation: str, ctx: Context) -> MergePatch | None:
    """The patch that takes the recorded subjects out; None where they are out. The others stay."""
    left = [subject for subject in subjects_of(binding) if subject not in item["subjects"]]
    if len(left) == len(subjects_of(binding)):
        return None
    patch = {"metadata": {"annotations": {OPERATION_ANNOTATION: operation}}, "subjects": left}
    return MergePatch(ref_of(item, ctx), binding["metadata"]["resourceVersion"], patch)


def putting_back(binding: Object, item: Mapping[str, Any], operation: str, ctx: Context) -> MergePatch | str | None:
    """The patch that puts the recorded subjects back beside those that others have added since; None where they are there
    already; and why it is left alone where it is not ours any more.
    """
    missing = [subject for subject in item["subjects"] if subject not in subjects_of(binding)]
    ours = carries(binding, operation)
    if missing and not ours:
        return f"{item['kind']}/{item['name']} was changed by others since, so it is left as it is"
    if not missing and not ours:
        return None
    patch: Object = {"metadata": {"annotations": {OPERATION_ANNOTATION: None}}}
    if missing:
        patch["subjects"] = subjects_of(binding) + missing
    return MergePatch(ref_of(item, ctx), binding["metadata"]["resourceVersion"], patch)


def unrestorable(bindings: Iterable[Object], account: Account, ctx: Context, seen: Seen) -> str:
    """Why the playbook's account could not put a binding back, and what would let it; empty if it could.

    The API server lets nobody write a binding to a role that they neither hold nor may bind, whatever they change in it.
    """
    found = list(bindings)
    questions = {name_of(item): MayI(_bind(item), ctx.namespace) for item in found}
    seen.prefetch(questions.values())
    unbound = [item for item in found if not seen.may(questions[name_of(item)])]
    tries = {name_of(item): _try(item, account, ctx) for item in unbound}
    seen.prefetch(tries.values())
    for item in unbound:
        if refusal := seen.try_patch(tries[name_of(item)]):
            role = f"{dig(item, 'roleRef', 'kind')} {dig(item, 'roleRef', 'name')}"
            return (
                f"{name_of(item)} could not be put back: it binds {role}, whose rights ServiceAccount {ctx.account} does"
                f' not have ({refusal}); grant it "{_bind(item)}"'
            )
    return ""


def _bind(binding: Object) -> Permission:
    resource = ROLE if dig(binding, "roleRef", "kind") == ROLE.kind else CLUSTER_ROLE
    return Permission.to("bind", resource, name=str(dig(binding, "roleRef", "name", default="")))


def _try(binding: Object, account: Account, ctx: Context) -> TryPatch:
    patch = taking_out(binding, recorded(account, binding), ctx.operation_id, ctx)
    return TryPatch(f"{ctx.operation_id}/{name_of(binding)}", ObjectRef.of(binding), patch.patch if patch else {})


def managers_of(bindings: Iterable[Object]) -> list[str]:
    """Bindings that something else keeps as they are, and what that is."""
    found = []
    for item in bindings:
        marks = labels(item) | annotations(item)
        found += [f"{name_of(item)} ({who})" for mark, who in _MANAGERS.items() if mark in marks]
    return found
