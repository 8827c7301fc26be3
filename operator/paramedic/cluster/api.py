"""What actions and the engine ask of a cluster, as requests: reads in, answers out; effects in, outcomes out."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from paramedic.actions.effects import (
    Create,
    Delete,
    Effect,
    Evict,
    FillRandom,
    Hold,
    JsonPatch,
    MergePatch,
    Outcome,
    Result,
    Send,
    Write,
    verb_of,
)
from paramedic.actions.reads import (
    AskPause,
    CountActive,
    Denied,
    HttpGet,
    ListObjects,
    MayI,
    MaySend,
    NotServed,
    Read,
    ReadLog,
    TcpConnect,
    TryCreate,
    TryPatch,
    WhoAmI,
)
from paramedic.cluster.dry_runs import TAKEN, try_create, try_patch
from paramedic.cluster.holds import keep_hold
from paramedic.cluster.outgoing import HttpClient, send_as
from paramedic.cluster.random_values import filled
from paramedic.cluster.refusals import explain_refusal
from paramedic.cluster.transport import JSON_PATCH, MERGE_PATCH, ApiError, Request, Transport, Unavailable
from paramedic.cluster.versions import KnownVersions
from paramedic.model.names import FIELD_MANAGER, service_account_user
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import ACCESS_REVIEW, SELF_REVIEW, ObjectRef, Resource

_WRITE = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
#: How long a granted permission is believed before it is asked for again. A refusal is asked again each time.
_BELIEVE_SECONDS = 60.0
_PAGES = 20
#: What the API server says of a JSON patch that does not fit the object as it is by now. It applies the operations
#: before it compares the resourceVersion, so this too only means that the object changed.
_DOES_NOT_FIT = "the server rejected our request due to an error in our request"


class Api:
    """A cluster, seen with the eyes of the operator or of a playbook's account."""

    def __init__(
        self, transport: Transport, http: HttpClient, *, write_timeout: float = 10 / 3, home: str = "default"
    ) -> None:
        """``write_timeout``, in seconds, is a third of the lease's renew deadline: a write that was sent while this
        process led is over before another process can lead. ``home`` is the operator's own namespace.
        """
        self._home = home
        self.transport = transport
        self._http = http
        self._write_timeout = write_timeout
        self._granted: dict[tuple[str, MayI], float] = {}
        self._me = ""
        self.known = KnownVersions()

    # --- reads

    async def answer(self, questions: Iterable[Read], namespace: str, account: str) -> dict[Read, Any]:
        """The answers, asked side by side. A denied read is answered by the `Denied` to raise. Raises Unavailable."""
        questions = list(questions)
        user = service_account_user(namespace, account) if account else ""
        answers = await asyncio.gather(*(self._answer(question, user) for question in questions))
        return dict(zip(questions, answers, strict=True))

    async def _answer(self, question: Read, user: str) -> Any:
        if isinstance(question, CountActive | AskPause):
            raise TypeError(f"{question} is the operator's own to answer, not the API server's")
        if isinstance(question, MaySend):
            return self._http.refusal(question.url)
        try:
            if isinstance(question, HttpGet):
                return await self._http.get(question)
            if isinstance(question, TcpConnect):
                return await self._http.connect(question)
            if isinstance(question, MayI):
                return await self._may(question, "" if question.own else user)
            if isinstance(question, ReadLog):
                return await self._log(question, user)
            if isinstance(question, TryCreate):
                return await try_create(self.transport, question, user)
            if isinstance(question, TryPatch):
                return await try_patch(self.transport, question, user)
            if isinstance(question, WhoAmI):
                return await self._who_am_i()
            user = "" if question.own else user
            if isinstance(question, ListObjects):
                return await self.list(question, user)
            return await self.get(question.ref, user, recent=question.recent)
        except ApiError as error:
            if error.status == 403:
                return Denied(explain_refusal(error, user))
            if error.status == 404 and isinstance(question, ListObjects):
                served = question.resource
                return NotServed(f"the cluster does not serve {served.plural} ({served.api_version})")
            raise Unavailable(str(error)) from None

    async def get(self, ref: ObjectRef, user: str = "", *, recent: bool = False) -> Object | None:
        """One object, or None. Raises ApiError and Unavailable.

        ``recent``: from the API server's cache, which costs no round to etcd and may be some moments old; what is not
        there yet is looked for in etcd.
        """
        query = {"resourceVersion": "0"} if recent else {}
        try:
            found: Object = await self.transport.send(Request("GET", ref.path, query, account=user))
        except ApiError as error:
            if error.status == 404:
                return await self.get(ref, user) if recent else None
            raise
        self.known.note(ref.resource, found)
        return found

    async def list(self, question: ListObjects, user: str = "") -> list[Object]:
        """At most ``limit`` objects, in pages; each with its apiVersion and kind, which a list leaves out."""
        query = {"limit": str(question.limit)}
        if question.label_selector:
            query["labelSelector"] = question.label_selector
        if question.field_selector:
            query["fieldSelector"] = question.field_selector
        if question.recent:
            query |= self.known.at_least(question.resource)
        path = question.resource.path(question.namespace or None)
        found: list[Object] = []
        for _ in range(_PAGES):
            page = await self.transport.send(Request("GET", path, query, account=user))
            self.known.note(question.resource, page)
            if "resourceVersion" not in query:
                self.known.settle(question.resource)
            kind = {"apiVersion": question.resource.api_version, "kind": question.resource.kind}
            found += [kind | item for item in page.get("items") or []]
            token = (page.get("metadata") or {}).get("continue")
            if not token or len(found) >= question.limit:
                break
            # The token says what the other pages are of.
            query = {key: value for key, value in query.items() if not key.startswith("resourceVersion")}
            query["continue"] = token
        return found[: question.limit]

    async def _may(self, question: MayI, user: str) -> bool:
        key = (user, question)
        if self._granted.get(key, 0.0) > time.monotonic():
            return True
        body = {
            "apiVersion": ACCESS_REVIEW.api_version,
            "kind": ACCESS_REVIEW.kind,
            "spec": {"resourceAttributes": access_attributes(question.permission, question.namespace)},
        }
        answer = await self.transport.send(Request("POST", ACCESS_REVIEW.path(None), body=body, account=user))
        allowed = bool(answer.get("status", {}).get("allowed"))
        if allowed:
            self._granted[key] = time.monotonic() + _BELIEVE_SECONDS
        return allowed

    async def _log(self, question: ReadLog, user: str) -> bytes | None:
        query = {
            "container": question.container,
            "tailLines": str(question.tail_lines),
            "limitBytes": str(question.limit_bytes),
            "timestamps": "true",
        }
        if question.previous:
            query["previous"] = "true"
        request = Request("GET", question.pod.path + "/log", query, account=user, raw=True)
        try:
            found: bytes = await self.transport.send(request)
        except ApiError as error:
            if error.status == 403:
                raise
            return None  # not started yet, no previous one, or gone: there is no log, and that is a fact too
        except Unavailable:
            return None  # its node does not answer; evidence of the rest must not wait for it
        return found

    async def _who_am_i(self) -> str:
        if not self._me:
            body = {"apiVersion": SELF_REVIEW.api_version, "kind": SELF_REVIEW.kind}
            answer = await self.transport.send(Request("POST", SELF_REVIEW.path(None), body=body))
            self._me = str(dig(answer, "status", "userInfo", "username", default=""))
        return self._me

    # --- writes

    async def perform(self, effect: Effect, namespace: str, account: str) -> Outcome:
        """Does one effect as the playbook's account. Never raises: what became of it is the outcome."""
        user = service_account_user(namespace, account)
        if isinstance(effect, Hold):
            return await keep_hold(self.transport, self._home, effect, self._write_timeout)
        if isinstance(effect, Send):
            return await send_as(self.get, self._http, effect, namespace, user)
        write = filled(effect) if isinstance(effect, FillRandom) else effect
        try:
            stored = await self.transport.send(replace(_request_for(write, user), timeout=self._write_timeout))
        except Unavailable as error:
            return Outcome(Result.UNKNOWN, str(error))
        except ApiError as error:
            return _refused(write, error, user)
        return Outcome(Result.DONE, stored=stored)

    async def put_status(self, resource: Resource, obj: Object) -> Object:
        """Replaces the status of one of our own objects, bound to its resourceVersion. Raises ApiError (409: it
        changed) and Unavailable.
        """
        meta = obj["metadata"]
        path = resource.path(meta["namespace"], meta["name"], "status")
        return await self._write_own(resource, Request("PUT", path, _WRITE, obj, timeout=self._write_timeout))

    async def merge_status(self, ref: ObjectRef, status: Object, resource_version: str) -> Object:
        """Lays a merge patch over the status of one of our own objects, bound to the resourceVersion that was seen.
        Raises ApiError (409: it changed) and Unavailable.
        """
        path = ref.resource.path(ref.namespace, ref.name, "status")
        body = {"metadata": {"resourceVersion": resource_version}, "status": status}
        return await self._write_own(ref.resource, Request("PATCH", path, _WRITE, body, MERGE_PATCH))

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Creates an object as the operator itself. Raises ApiError and Unavailable."""
        return await self._write_own(
            resource, Request("POST", resource.path(namespace), {"fieldManager": FIELD_MANAGER}, body)
        )

    async def _write_own(self, resource: Resource, request: Request) -> Object:
        try:
            stored: Object = await self.transport.send(request)
        except Unavailable:
            self.known.doubt(resource)
            raise
        self.known.note(resource, stored)
        return stored


def access_attributes(permission: Permission, namespace: str) -> Object:
    """A permission as the resourceAttributes of an access review. ``namespace`` is where it is to hold, unless it must
    hold in the whole cluster: asked about one namespace, a RoleBinding would answer for what it cannot grant.
    """
    attributes = {
        "namespace": "" if permission.clusterwide else namespace,
        "verb": permission.verb,
        "group": permission.group,
        "resource": permission.resource,
        "subresource": permission.subresource,
        "name": permission.name,
    }
    return {name: value for name, value in attributes.items() if value}


def _request_for(effect: Write, user: str) -> Request:
    ref = effect.ref
    if isinstance(effect, Create):
        return Request("POST", ref.resource.path(ref.namespace), _WRITE, effect.body, account=user)
    if isinstance(effect, Delete):
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": ref.uid}}
        # Of a Job, the API server leaves the Pods running where nothing is said (registry/batch/job, strategy.go).
        options["propagationPolicy"] = "Background"
        return Request("DELETE", ref.path, None, options, account=user)
    if isinstance(effect, Evict):
        return Request("POST", ref.path + "/eviction", None, _eviction(ref), account=user)
    if isinstance(effect, MergePatch):
        meta = {**effect.patch.get("metadata", {}), "uid": ref.uid, "resourceVersion": effect.resource_version}
        body: Any = {**effect.patch, "metadata": meta}
        return Request("PATCH", ref.path, _WRITE, body, MERGE_PATCH, user)
    # Setting the resourceVersion makes it a precondition: the API server answers 409 when it is another by now. Another
    # uid alone would be answered 422; but an object that was created again has another resourceVersion too.
    bound = [
        {"op": "replace", "path": "/metadata/uid", "value": ref.uid},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": effect.resource_version},
    ]
    return Request("PATCH", ref.path, _WRITE, bound + effect.operations, JSON_PATCH, user)


def _eviction(ref: ObjectRef) -> Object:
    """The Pod's own grace period holds, so its delete options name no other."""
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "deleteOptions": {"preconditions": {"uid": ref.uid}},
    }


def _refused(effect: Write, error: ApiError, user: str) -> Outcome:
    if isinstance(effect, Delete | Evict) and error.status in (404, 409):
        return Outcome(Result.DONE, "it is gone already")
    if isinstance(effect, Create) and error.status == 409:
        # Another reason than a taken name: others got in between, such as at a quota, and nothing was created.
        return Outcome(Result.EXISTED if error.reason == TAKEN else Result.CONFLICT, error.message)
    if isinstance(effect, MergePatch | JsonPatch) and (error.status in (404, 409) or error.message == _DOES_NOT_FIT):
        return Outcome(Result.CONFLICT, error.message)
    if error.status == 403:
        return Outcome(Result.REFUSED, explain_refusal(error, user))
    return Outcome(Result.REFUSED, f"the API server refuses to {verb_of(effect)} {effect.ref}: {error.message}")
