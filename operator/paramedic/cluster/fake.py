"""`FakeCluster`: an API server in memory, for tests and trials. What it promises is checked against a real one by
tests/contract.

It keeps versions, generations, preconditions, status subresources, selectors, pages, dry runs and access rules. It has
no schema validation, admission, watches, controllers or garbage collection; `fake_workloads` plays the Deployment
controller.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from paramedic.clock import Clock
from paramedic.cluster.fake_evictions import evict
from paramedic.cluster.fake_http import FakeHttp
from paramedic.cluster.fake_paths import Address, address_of, verb_of
from paramedic.cluster.fake_rules import OPERATOR_USER, AdmissionRefusal, Denial, Rules
from paramedic.cluster.fake_store import Store
from paramedic.cluster.transport import JSON_PATCH, ApiError, Request
from paramedic.model.objects import Object
from paramedic.model.patches import DoesNotApply, apply_operations, merge
from paramedic.model.references import ACCESS_REVIEW, SELF_REVIEW, ObjectRef, Resource, resource_of

Moment = Literal["before", "after"]
#: Called around each write. Raising Unavailable before it: it never happens; after it: it has happened, and the reply
#: is lost.
Fault = Callable[[Request, Moment], None]


@dataclass(frozen=True)
class Logged:
    """One request, and the HTTP status it was answered with; 0 where no answer came."""

    request: Request
    address: Address
    status: int

    @property
    def is_write(self) -> bool:
        return _is_write(self.request, self.address)

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.path} as {self.request.account or 'the operator'}: {self.status}"


class FakeCluster:
    """A `Transport` to an API server that lives in this object."""

    def __init__(self, clock: Clock) -> None:
        self.store = Store(clock)
        self.rules = Rules()
        self.log: list[Logged] = []
        self.logs: dict[tuple[str, str, str, bool], bytes] = {}  # by namespace, Pod, container, whether previous
        self.fault: Fault | None = None
        self.unserved: set[Resource] = set()  # kinds whose API is not installed

    # --- what a test arranges

    def add(self, *objects: Object) -> list[Object]:
        """Stores objects as they are, status included, without a request. Returns them as stored."""
        stored = []
        for obj in objects:
            address = self.address(ObjectRef.of(obj))
            found = self.store.create(address.named(""), obj)
            if "status" in obj:
                found["status"] = obj["status"]
                found = self.store.update(Address(address.resource, address.namespace, address.name, "status"), found)
            stored.append(found)
        return stored

    def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """An object as it is stored now, without a request."""
        try:
            return self.store.get(Address(resource, namespace, name))
        except ApiError:
            return None

    def all(self, resource: Resource, namespace: str = "") -> list[Object]:
        """All objects of a resource, without a request."""
        return self.store.select(Address(resource, namespace))

    def edit(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """Changes an object by a merge patch, as somebody else would, without a request."""
        address = Address(resource, namespace, name)
        return self.store.update(address, merge(self.store.get(address), patch), put=False)

    def remove(self, resource: Resource, namespace: str, name: str) -> None:
        """Deletes an object, as somebody else would, without a request."""
        self.store.delete(Address(resource, namespace, name))

    def deny(self, user: str, verb: str, resource: str) -> None:
        """Takes a right away, such as ``deny("system:serviceaccount:shop:x", "patch", "deployments.apps")``."""
        self.rules.denials.add(Denial(user, verb, resource))

    def allow_all(self) -> None:
        """Gives back every right that was denied, and lifts every refusal."""
        self.rules.denials.clear()
        self.rules.refusals.clear()

    def refuse_creates(self, resource: str, namespace: str, message: str) -> None:
        """Lets admission refuse creates, dry runs included, as an exceeded quota does."""
        self.rules.refusals.append(AdmissionRefusal(resource, namespace, message))

    @property
    def writes(self) -> list[Logged]:
        """The writes that were stored, the lost replies' included."""
        return [item for item in self.log if item.is_write and item.status in (0, 200, 201)]

    @staticmethod
    def address(ref: ObjectRef) -> Address:
        return Address(resource_of(ref.api_version, ref.kind), ref.namespace, ref.name)

    # --- what it answers

    async def send(self, request: Request) -> Any:
        await asyncio.sleep(0)  # others run meanwhile, as they would during a real request
        address = address_of(request.path)
        write = _is_write(request, address)
        if write and self.fault:
            self.fault(request, "before")
        try:
            answer = self._answer(request, address)
        except ApiError as error:
            self.log.append(Logged(request, address, error.status))
            raise
        try:
            if write and self.fault:
                self.fault(request, "after")
        except BaseException:
            self.log.append(Logged(request, address, 0))
            raise
        self.log.append(Logged(request, address, 201 if request.method == "POST" else 200))
        return answer

    async def close(self) -> None:
        """There is nothing to close."""

    def _answer(self, request: Request, address: Address) -> Any:
        if address.resource == ACCESS_REVIEW:
            return self._review(request)
        if address.resource == SELF_REVIEW:
            return {"status": {"userInfo": {"username": request.account or OPERATOR_USER}}}
        if address.resource in self.unserved:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        self.rules.check(request.account, verb_of(request, address), address)
        if request.method == "GET":
            if address.subresource == "log":
                return self._log_of(request, address)
            return self.store.get(address) if address.name else self._list(request, address)
        query = request.query or {}
        dry = query.get("dryRun") == "All"
        if request.method == "POST" and address.subresource == "eviction":
            return evict(self.store, address, request.body)
        if request.method == "POST":
            self.rules.admit(address, request.body.get("metadata", {}).get("name", ""))
            return self.store.create(address, request.body, dry=dry)
        if request.method == "PUT":
            return self.store.update(address, request.body, dry=dry)
        if request.method == "PATCH":
            return self.store.update(address, _patched(self.store.get(address), request), dry=dry, put=False)
        return self.store.delete(address, (request.body or {}).get("preconditions"))

    def _list(self, request: Request, address: Address) -> Object:
        query = request.query or {}
        found = self.store.select(address, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        begin = int(query.get("continue") or 0)
        end = begin + int(query.get("limit") or len(found) or 1)
        meta = {"continue": str(end), "remainingItemCount": len(found) - end} if end < len(found) else {}
        left_out = () if address.resource.group in _CUSTOM_GROUPS else ("apiVersion", "kind")
        items = [{key: value for key, value in obj.items() if key not in left_out} for obj in found[begin:end]]
        kind = {"apiVersion": address.resource.api_version, "kind": address.resource.kind + "List"}
        return {**kind, "metadata": meta, "items": items}

    def _review(self, request: Request) -> Object:
        wanted = request.body["spec"]["resourceAttributes"]
        names = (wanted.get(key, "") for key in ("verb", "resource", "group", "subresource"))
        return {**request.body, "status": {"allowed": self.rules.allows(request.account, *names)}}

    def _log_of(self, request: Request, address: Address) -> bytes:
        self.store.get(address)
        query = request.query or {}
        container, previous = query.get("container", ""), query.get("previous") == "true"
        found = self.logs.get((address.namespace, address.name, container, previous))
        if found is None:
            text = f'container "{container}" in pod "{address.name}" is waiting to start'
            raise ApiError(400, "BadRequest", f"previous terminated {text}" if previous else text)
        lines = found.splitlines(keepends=True)[-int(query.get("tailLines") or 1_000_000) :]
        return b"".join(lines)[: int(query.get("limitBytes") or 1 << 30)]


def _patched(found: Object, request: Request) -> Object:
    """Raises ApiError 422 where a JSON patch does not fit."""
    if request.content_type != JSON_PATCH:
        return dict(merge(found, request.body))
    try:
        return dict(apply_operations(found, request.body))
    except DoesNotApply:
        raise ApiError(422, "Invalid", "the server rejected our request due to an error in our request") from None


#: Groups of CustomResourceDefinitions, whose lists leave each item its kind.
_CUSTOM_GROUPS = ("paramedic.dev",)


def _is_write(request: Request, address: Address) -> bool:
    dry = (request.query or {}).get("dryRun") == "All"
    return request.method != "GET" and not dry and address.resource not in (ACCESS_REVIEW, SELF_REVIEW)


__all__ = ["FakeCluster", "FakeHttp", "Fault", "Logged", "Moment"]
