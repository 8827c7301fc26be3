"""What a person at a terminal asks of a cluster, with their own rights: who they are, reads, and small edits."""

import asyncio
from typing import Any

from paramedic.actions.reads import ListObjects
from paramedic.cluster.api import Api, access_attributes
from paramedic.cluster.following import Streaming
from paramedic.cluster.http import HttpChecker
from paramedic.cluster.transport import JSON_PATCH, ApiError, Request
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import LOCAL_SUBJECT_REVIEW, SELF_REVIEW, SUBJECT_REVIEW, ObjectRef, Resource

FIELD_MANAGER = "kubectl-incident"
_WRITE = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
_CONFLICTS = 5  # how often a patch that met another write is tried again
_PAUSE = 0.1  # seconds


class Caller:
    """A cluster, seen and changed as the caller. Every method raises ApiError and Unavailable."""

    def __init__(self, transport: Streaming) -> None:
        self.transport = transport
        self.api = Api(transport, HttpChecker())

    async def whoami(self) -> str:
        """The caller's user name, as the API server knows it and admission compares it."""
        body = {"apiVersion": SELF_REVIEW.api_version, "kind": SELF_REVIEW.kind}
        answer = await self.transport.send(Request("POST", SELF_REVIEW.path(None), body=body))
        return str(dig(answer, "status", "userInfo", "username", default=""))

    async def get(self, ref: ObjectRef) -> Object | None:
        return await self.api.get(ref)

    async def select(
        self, resource: Resource, namespace: str = "", *, field_selector: str = "", limit: int = 10_000
    ) -> list[Object]:
        """The objects of one namespace, or of all where it is empty."""
        return await self.api.list(ListObjects(resource, namespace, field_selector=field_selector, limit=limit))

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        stored: Object = await self.transport.send(Request("POST", resource.path(namespace), _WRITE, body))
        return stored

    async def patch(self, ref: ObjectRef, operations: list[Object]) -> Object:
        """The object after a JSON patch. One that met another write is tried again."""
        request = Request("PATCH", ref.path, _WRITE, operations, JSON_PATCH)
        for _ in range(_CONFLICTS):
            try:
                stored: Object = await self.transport.send(request)
            except ApiError as error:
                if error.status != 409:
                    raise
                await asyncio.sleep(_PAUSE)
            else:
                return stored
        raise ApiError(409, "Conflict", f"{ref} changes too often to be written; try again")

    async def delete(self, ref: ObjectRef) -> None:
        """Deletes an object, if it is there."""
        try:
            await self.transport.send(Request("DELETE", ref.path))
        except ApiError as error:
            if error.status != 404:
                raise

    async def may(self, user: str, permission: Permission, namespace: str) -> bool | None:
        """Whether somebody else has a permission; None where the caller may not ask.

        An admin of the namespace may ask there alone, which does not answer for what belongs to no namespace.
        """
        spec: dict[str, Any] = {"user": user, "resourceAttributes": access_attributes(permission, namespace)}
        if user.startswith("system:serviceaccount:"):
            spec["groups"] = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        local = namespace and not permission.clusterwide
        for resource in (LOCAL_SUBJECT_REVIEW, SUBJECT_REVIEW) if local else (SUBJECT_REVIEW,):
            body: Object = {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
            if resource.namespaced:
                body["metadata"] = {"namespace": namespace}
            try:
                answer = await self.transport.send(Request("POST", resource.path(namespace), body=body))
            except ApiError as error:
                if error.status != 403:
                    raise
            else:
                return bool(dig(answer, "status", "allowed", default=False))
        return None
