"""Changes as data. Actions return them; only the reconciler performs them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from paramedic.model.differences import NEW_VALUE
from paramedic.model.endpoints import shown
from paramedic.model.fingerprints import fingerprint
from paramedic.model.names import EXPIRES_ANNOTATION, HOLD_LABEL, MANAGED_BY, MANAGED_BY_LABEL, OPERATION_ANNOTATION
from paramedic.model.objects import Object
from paramedic.model.references import LEASE, ObjectRef, resource_of


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


@dataclass(frozen=True)
class Evict:
    """Deletes one Pod by eviction, by uid: gracefully, and only while its PodDisruptionBudget allows it."""

    ref: ObjectRef

    def __post_init__(self) -> None:
        if not self.ref.uid:
            raise ValueError(f"an eviction of {self.ref} needs its uid")

    def describe(self) -> str:
        return f"evict {self.ref}"


@dataclass(frozen=True)
class FillRandom:
    """Puts a new random value under each of these keys of a Secret, all in one write, bound to its uid and
    resourceVersion. The values are made where the effect is performed: no plan, status or log ever holds them.

    ``alphabet`` are the characters they are made of. With them a fingerprint is written under the annotation ``mark``,
    by which they can be told from others later: that of the data under these keys, as it is stored, salted with
    ``operation``.
    """

    ref: ObjectRef
    resource_version: str
    keys: tuple[str, ...]
    length: int
    alphabet: str
    operation: str
    mark: str

    def describe(self) -> str:
        return f"put random values into {self.ref}"

    @property
    def shown(self) -> Object:
        """The change as it may be shown: a merge patch with words in the place of the values."""
        data = dict.fromkeys(self.keys, f"{NEW_VALUE}, {self.length} characters)")
        marks = {OPERATION_ANNOTATION: self.operation, self.mark: fingerprint(self.operation, data)}
        return {"metadata": {"annotations": marks}, "data": data}


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """A header whose value is kept in a Secret of the namespace. It is read when the request is sent, and kept nowhere."""

    name: str
    secret: str
    key: str


@dataclass(frozen=True)
class Send:
    """One HTTP request to an endpoint outside of Kubernetes. ``key`` is its Idempotency-Key: the same request under the
    same key is the same operation, for a receiver that looks at it. It leaves no trace that could be looked for.
    """

    method: str
    url: str
    key: str
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[SecretHeader, ...] = ()
    body: str = ""
    timeout: float = 10.0  # seconds

    @property
    def request_line(self) -> str:
        """Method and URL; the query, which may hold a key, is left out."""
        return f"{self.method} {shown(self.url)}"

    @property
    def ref(self) -> ObjectRef:
        """What it is shown as; no object of the cluster."""
        return ObjectRef("", "Request", "", self.request_line)

    @property
    def shown(self) -> Object:
        """What a person may see of it, as an object: headers by name, their values left out."""
        headers = dict.fromkeys((name for name, _ in self.headers), "(set by the playbook)")
        headers |= {item.name: f"(from Secret {item.secret}, key {item.key})" for item in self.secret_headers}
        headers["Idempotency-Key"] = "(the operation ID)"
        found: Object = {
            "apiVersion": "",
            "kind": "Request",
            "metadata": {"name": self.request_line},
            "headers": headers,
        }
        return found | ({"body": self.body} if self.body else {})

    def describe(self) -> str:
        return f"send {self.request_line}"


@dataclass(frozen=True)
class Hold:
    """Writes down, where the operator alone writes, what must end by itself and how it is taken back: a change that no
    object of its own tells of. So it ends although its Incident is deleted. One that is there already stays.
    """

    name: str
    until: str  # RFC 3339
    content: Object = field(hash=False)

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef.to(LEASE, "", self.name)

    @property
    def shown(self) -> Object:
        """The object that it becomes, without how the change is taken back."""
        holder = f"{self.content['namespace']}/{self.content['incident']}"
        marks = {MANAGED_BY_LABEL: MANAGED_BY, HOLD_LABEL: str(self.content["action"])}
        meta = {"name": self.name, "labels": marks, "annotations": {EXPIRES_ANNOTATION: self.until}}
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": meta,
            "spec": {"holderIdentity": holder},
        }

    def describe(self) -> str:
        return f"note when it ends, as {self.ref}"


#: What is done to an object of the cluster.
Write = MergePatch | JsonPatch | Create | Delete | Evict
Effect = Write | FillRandom | Send | Hold


class Result(StrEnum):
    DONE = "Done"
    EXISTED = "Existed"  # a create found its object there
    CONFLICT = "Conflict"  # nothing was done, such as for an object that changed since it was read: look again
    UNKNOWN = "Unknown"  # no answer came: look whether it happened
    REFUSED = "Refused"  # the API server says no, and will again


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one effect."""

    result: Result
    message: str = ""
    stored: Any = None


def verb_of(effect: Effect) -> str:
    """What an effect does: the RBAC verb that it needs, and a word of its own for a request and an eviction."""
    if isinstance(effect, Create | Hold):
        return "create"
    if isinstance(effect, Send):
        return "send"
    if isinstance(effect, Evict):
        return "evict"
    return "delete" if isinstance(effect, Delete) else "patch"


def resource_plural(effect: Write) -> str:
    return resource_of(effect.ref.api_version, effect.ref.kind).plural
