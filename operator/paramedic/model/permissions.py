"""Permissions in RBAC's words."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from paramedic.model.references import Resource

#: Where a permission holds: in one namespace (empty), on the cluster's own objects, or in every namespace.
Scope = Literal["", "Cluster", "AllNamespaces"]


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One verb on one resource, in the namespace of the playbook; on one object alone where ``name`` is given.

    ``scope`` says where no RoleBinding can grant it: on what belongs to no namespace, or in every namespace.
    """

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    name: str = ""
    scope: Scope = ""

    @classmethod
    def to(
        cls, verb: str, resource: Resource, subresource: str = "", name: str = "", *, everywhere: bool = False
    ) -> "Permission":
        """``everywhere``: in every namespace, not in that of the playbook alone."""
        scope: Scope = ("AllNamespaces" if everywhere else "") if resource.namespaced else "Cluster"
        return cls(verb, resource.plural, resource.group, subresource, name, scope)

    @property
    def clusterwide(self) -> bool:
        """Whether it takes a ClusterRoleBinding."""
        return bool(self.scope)

    def __str__(self) -> str:
        served = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        named = f" named {self.name}" if self.name else ""
        named += " in all namespaces" if self.scope == "AllNamespaces" else ""
        return f"{self.verb} {served}.{self.group}{named}" if self.group else f"{self.verb} {served}{named}"


def granting(permissions: Iterable[Permission]) -> str:
    """What kinds of objects it takes to grant these."""
    scopes = {item.clusterwide for item in permissions}
    kinds = ["a Role and a RoleBinding"] if False in scopes else []
    kinds += ["a ClusterRole and a ClusterRoleBinding"] if True in scopes else []
    return ", and ".join(kinds)


def rules_of(permissions: Iterable[Permission]) -> list[dict[str, Any]]:
    """RBAC rules that grant these, the same verbs on resources of one group together."""
    verbs: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for item in sorted(permissions):
        served = f"{item.resource}/{item.subresource}" if item.subresource else item.resource
        verbs[item.group, served, item.name].append(item.verb)
    merged: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, served, name), found in sorted(verbs.items()):
        merged[group, name, tuple(sorted(found))].append(served)
    return [
        {"apiGroups": [group], "resources": sorted(served)}
        | ({"resourceNames": [name]} if name else {})
        | {"verbs": list(found)}
        for (group, name, found), served in sorted(
            merged.items(), key=lambda item: (item[0][0], item[0][2], item[0][1])
        )
    ]
