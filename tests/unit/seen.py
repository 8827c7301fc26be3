"""A world of prepared answers: it answers what an action asks, as a cluster would, and nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from paramedic.actions.reads import (
    Denied,
    GetObject,
    HttpAnswer,
    HttpGet,
    ListObjects,
    MayI,
    MaySend,
    Missing,
    NotServed,
    Read,
    ReadLog,
    Seen,
    TcpAnswer,
    TcpConnect,
    TryCreate,
    TryPatch,
    WhoAmI,
)
from paramedic.model.endpoints import Endpoint, refusal
from paramedic.model.objects import Object, dig, labels

T = TypeVar("T")


@dataclass
class World:
    """Objects by kind and name, and answers to what is not an object."""

    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    logs: dict[tuple[str, str, bool], bytes] = field(default_factory=dict)  # Pod, container, previous
    http: HttpAnswer = field(default_factory=lambda: HttpAnswer(200, 0.012))
    tcp: TcpAnswer = field(default_factory=lambda: TcpAnswer(0.003, "10.96.0.7"))
    dry_run_refusal: str = ""  # of a create
    patch_refusal: str = ""  # of a dry run of a patch
    denied_kinds: frozenset[str] = frozenset()
    unserved: frozenset[str] = frozenset()  # kinds whose API is not installed
    refused: frozenset[str] = frozenset()  # what access reviews say no to, such as "patch deployments.apps"
    operator_refused: frozenset[str] = frozenset()  # the same, about the operator itself
    endpoints: tuple[str, ...] = ()  # where the operator may send requests to
    operator: str = "system:serviceaccount:paramedic-system:paramedic"
    not_impersonated: str = ""  # why the operator may not act as the account
    asked: list[Read] = field(default_factory=list)

    @classmethod
    def of(cls, *objects: Object, **more: Any) -> "World":
        return cls({(item["kind"], item["metadata"]["name"]): item for item in objects}, **more)

    def ask(self, question: Callable[[Seen], T]) -> T:
        """Puts a question to an action, answering what it asks back until it has an answer."""
        seen = Seen()
        for _ in range(20):
            try:
                return question(seen)
            except Missing as missing:
                self.asked += missing.reads
                seen.answers |= {read: self.answer(read) for read in missing.reads}
        raise AssertionError("it asks for more and more")

    def answer(self, read: Read) -> Any:
        if isinstance(read, GetObject):
            return self._denied(read.ref.kind) or self.objects.get((read.ref.kind, read.ref.name))
        if isinstance(read, ListObjects):
            if read.resource.kind in self.unserved:
                return NotServed(f"the cluster does not serve {read.resource.plural} ({read.resource.api_version})")
            return self._denied(read.resource.kind) or list(self._matching(read))
        if isinstance(read, ReadLog):
            return self.logs.get((read.pod.name, read.container, read.previous))
        if isinstance(read, HttpGet):
            return self.http
        if isinstance(read, TcpConnect):
            return self.tcp
        if isinstance(read, TryCreate):
            return self._denied(read.resource.kind + "/create") or self.dry_run_refusal
        if isinstance(read, TryPatch):
            return self._denied(read.ref.kind + "/patch") or self.patch_refusal
        if isinstance(read, MaySend):
            return refusal(read.url, [Endpoint.prefix(item) for item in self.endpoints])
        if isinstance(read, WhoAmI):
            return self.operator
        assert isinstance(read, MayI)
        if self.not_impersonated and not read.own:
            return Denied(self.not_impersonated)
        refused = self.operator_refused if read.own else self.refused
        return read.permission.resource not in self.denied_kinds and str(read.permission) not in refused

    def _denied(self, kind: str) -> Denied | None:
        return Denied(f"responder may not read {kind}") if kind in self.denied_kinds else None

    def _matching(self, read: ListObjects) -> Iterable[Object]:
        wanted = dict(part.split("=") for part in read.label_selector.split(",") if part)
        fields = dict(part.split("=") for part in read.field_selector.split(",") if part)
        for (kind, _), item in self.objects.items():
            if kind != read.resource.kind or read.namespace not in ("", dig(item, "metadata", "namespace", default="")):
                continue
            if any(dig(item, *path.split(".")) != value for path, value in fields.items()):
                continue
            if wanted.items() <= labels(item).items():
                yield item
