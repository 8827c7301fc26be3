"""Two clusters that have to behave alike: the one in memory, and a real API server."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from paramedic.clock import SystemClock
from paramedic.cluster.fake import FakeCluster
from paramedic.cluster.rest import RestTransport, connect
from paramedic.cluster.transport import JSON, JSON_PATCH, MERGE_PATCH, ApiError, Request, Transport
from paramedic.model.names import service_account_user
from paramedic.model.objects import Object
from paramedic.model.references import NAMESPACE, VOLUME_SNAPSHOT, ObjectRef, Resource

POWERLESS = "powerless"


@dataclass
class Cluster:
    """One of the two, and a namespace of the test's own."""

    transport: Transport
    namespace: str

    @property
    def powerless(self) -> str:
        """A user without any rights in the namespace."""
        return service_account_user(self.namespace, POWERLESS)

    def path(self, resource: Resource, name: str | None = None, subresource: str | None = None) -> str:
        return resource.path(self.namespace, name, subresource)

    async def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The answer's JSON. ``options`` are the query, apart from ``account`` and ``content_type``."""
        account, kind = options.pop("account", ""), options.pop("content_type", JSON)
        return await self.transport.send(Request(method, path, options, body, kind, account))

    async def create(self, obj: Object, **options: Any) -> Object:
        ref = ObjectRef.of(obj)
        found: Object = await self.send("POST", self.path(ref.resource), obj, **options)
        return found

    async def get(self, resource: Resource, name: str) -> Object:
        found: Object = await self.send("GET", self.path(resource, name))
        return found

    async def merge(self, resource: Resource, name: str, patch: Object) -> Object:
        found: Object = await self.send("PATCH", self.path(resource, name), patch, content_type=MERGE_PATCH)
        return found

    async def json_patch(self, resource: Resource, name: str, *operations: Object) -> Object:
        path = self.path(resource, name)
        found: Object = await self.send("PATCH", path, list(operations), content_type=JSON_PATCH)
        return found

    async def names(self, resource: Resource, **query: str) -> list[str]:
        page = await self.send("GET", self.path(resource), **query)
        return [item["metadata"]["name"] for item in page["items"]]

    async def refusal(self, method: str, path: str, body: Any = None, **options: Any) -> ApiError:
        """How a request is refused."""
        with pytest.raises(ApiError) as caught:
            await self.send(method, path, body, **options)
        return caught.value


@pytest_asyncio.fixture(params=["fake", pytest.param("real", marks=pytest.mark.e2e)])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Each test runs once on each."""
    name = "contract-" + os.urandom(4).hex()
    if request.param == "fake":
        fake = FakeCluster(SystemClock())
        fake.unserved.add(VOLUME_SNAPSHOT)
        fake.deny(service_account_user(name, POWERLESS), "*", "*")
        yield Cluster(fake, name)
        return
    kube = request.getfixturevalue("installed")
    transport = RestTransport(await connect(kube.kubeconfig))
    try:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await transport.send(Request("POST", NAMESPACE.path(None), body=body))
        yield Cluster(transport, name)
        await transport.send(Request("DELETE", NAMESPACE.path(None, name)))
    finally:
        await transport.close()
