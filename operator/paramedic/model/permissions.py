"""Permissions in RBAC's words."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paramedic.model.references import Resource


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One verb on one resource, in the namespace of the playbook; on one object alone where ``name`` is given."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    name: str = ""

    @classmethod
    def to(cls, verb: str, resource: Resource, subresource: str = "", name: str = "") -> "Permission":
        return cls(verb, resource.plural, resource.group, subresource, name)

    def __str__(self) -> str:
        served = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        named = f" named {self.name}" if self.name else ""
        return f"{self.verb} {served}.{self.group}{named}" if self.group else f"{self.verb} {served}{named}"


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
