"""Changes as data. Actions return them; only the reconciler performs them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from paramedic.model.objects import Object
from paramedic.model.references import ObjectRef, resource_of


@dataclass(frozen=True)
class MergePatch:
    """A JSON merge patch (RFC 7396), bound to the object's uid and resourceVersion."""

    ref: ObjectRef
    resource_version: str
    patch: Object = field(hash=False)

    def describe(self) -> str:
        return f"patch {self.ref}"


@dataclass(frozen=True)
class JsonPatch:
    """A JSON patch (RFC 6902), bound to the object's uid and resourceVersion."""

    ref: ObjectRef
    resource_version: str
    operations: list[Object] = field(hash=False)

    def describe(self) -> str:
        return f"patch {self.ref}"


@dataclass(frozen=True)
class Create:
    """A new object under a name that only this step uses: a second create finds it there and changes nothing."""

    body: Object = field(hash=False)

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef.of(self.body)

    def describe(self) -> str:
        return f"create {self.ref}"


@dataclass(frozen=True)
class Delete:
    """Deletes one object, by uid: another one that has taken its name is left alone."""

    ref: ObjectRef

    def __post_init__(self) -> None:
        if not self.ref.uid:
            raise ValueError(f"a delete of {self.ref} needs its uid")

    def describe(self) -> str:
        return f"delete {self.ref}"


Effect = MergePatch | JsonPatch | Create | Delete


class Result(StrEnum):
    DONE = "Done"
    EXISTED = "Existed"  # a create found its object there
    CONFLICT = "Conflict"  # the object changed since it was read: look again
    UNKNOWN = "Unknown"  # no answer came: look whether it happened
    REFUSED = "Refused"  # the API server says no, and will again


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one effect."""

    result: Result
    message: str = ""
    stored: Any = None


def verb_of(effect: Effect) -> str:
    """The RBAC verb an effect needs."""
    if isinstance(effect, Create):
        return "create"
    return "delete" if isinstance(effect, Delete) else "patch"


def resource_plural(effect: Effect) -> str:
    return resource_of(effect.ref.api_version, effect.ref.kind).plural
