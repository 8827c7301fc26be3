"""Permissions in RBAC's words."""

from dataclasses import dataclass

from paramedic.model.references import Resource


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One verb on one resource, in the namespace of the playbook."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""

    @classmethod
    def to(cls, verb: str, resource: Resource, subresource: str = "") -> "Permission":
        return cls(verb, resource.plural, resource.group, subresource)

    def __str__(self) -> str:
        name = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {name}.{self.group}" if self.group else f"{self.verb} {name}"
