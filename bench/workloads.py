"""The Deployments that are restarted, and the playbooks that answer their alerts, in the namespaces of many teams."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from bench.alerts import ALERT_NAME
from bench.processes import Failed
from paramedic.cluster.transport import ApiError, Request, Transport
from paramedic.model.references import DEPLOYMENT, INCIDENT, NAMESPACE, PLAYBOOK, Resource

Object = dict[str, Any]
Target = tuple[str, str]  # namespace, name
NAMESPACES = 20
ACCOUNT = "responder"
_PARALLEL = 16
_POLL = 0.5  # seconds


def targets(count: int) -> list[Target]:
    """Names of Deployments, dealt out over the namespaces, so that neighbours are in different ones."""
    return [(f"team-{index % NAMESPACES:02}", f"app-{index:04}") for index in range(count)]


def deployment(name: str) -> Object:
    """One Pod, replaced by a rolling update, with nothing else said: as most Deployments are."""
    labels = {"app": name}
    container = {"name": "web", "image": "localhost/web:v1", "imagePullPolicy": "IfNotPresent"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def playbook() -> Object:
    """Restart what the alert is about. Everything is left at its default but the number that may run at once, which
    is 10: the alerts of this benchmark are not one outage, and all of them are to be answered.
    """
    spec = {
        "match": {"alertNames": [ALERT_NAME]},
        "serviceAccountName": ACCOUNT,
        "guards": {"maxConcurrent": 1000},
        "steps": [{"name": "restart", "rollingRestart": {}}],
    }
    return {"apiVersion": PLAYBOOK.api_version, "kind": PLAYBOOK.kind, "metadata": {"name": "restart"}, "spec": spec}


class Workloads:
    """Creates them, waits until they are whole, and clears what a measurement left behind."""

    def __init__(self, transport: Transport, admit: Callable[[str], None], count: int) -> None:
        """``admit`` gives a namespace what its playbooks need."""
        self._transport, self._admit = transport, admit
        self.targets = targets(count)
        self._namespaces = sorted({namespace for namespace, _ in self.targets})

    async def create(self) -> None:
        await _side_by_side(self._create(NAMESPACE, "", {"metadata": {"name": name}}) for name in self._namespaces)
        await _side_by_side(asyncio.to_thread(self._admit, name) for name in self._namespaces)
        await _side_by_side(self._create(PLAYBOOK, name, playbook()) for name in self._namespaces)
        await _side_by_side(self._create(DEPLOYMENT, where, deployment(name)) for where, name in self.targets)

    async def _create(self, resource: Resource, namespace: str, body: Object) -> None:
        body = {"apiVersion": resource.api_version, "kind": resource.kind} | body
        try:
            await self._transport.send(Request("POST", resource.path(namespace), body=body))
        except ApiError as error:
            if error.status != 409:
                raise

    async def settle(self, seconds: float = 300.0) -> None:
        """Waits until every rollout is over. Raises Failed."""
        deadline = time.monotonic() + seconds
        wanted, left = set(self.targets), 0
        while time.monotonic() < deadline:
            left = len(wanted - {_target(item) for item in await self._deployments() if is_whole(item)})
            if not left:
                return
            await asyncio.sleep(_POLL)
        raise Failed(f"{left} Deployments were not whole within {seconds:.0f} s")

    async def changes(self) -> Counter[Target]:
        """How often the spec of each was changed since it was created: by what is stored, whoever saw the answer."""
        return Counter({_target(item): item["metadata"]["generation"] - 1 for item in await self._deployments()})

    async def _deployments(self) -> list[Object]:
        found: list[Object] = (await self._transport.send(Request("GET", DEPLOYMENT.path(None), timeout=60)))["items"]
        return found

    async def clear(self) -> None:
        """Deletes all Incidents, so that the next measurement begins as the first one did, and lets rollouts end."""
        await self.delete_incidents()
        await self.settle()

    async def delete_incidents(self) -> None:
        await _side_by_side(
            self._transport.send(Request("DELETE", INCIDENT.path(name), timeout=60)) for name in self._namespaces
        )

    async def incidents(self) -> list[Object]:
        found: list[Object] = (await self._transport.send(Request("GET", INCIDENT.path(None), timeout=60)))["items"]
        return found


def _target(item: Object) -> Target:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def is_whole(item: Object) -> bool:
    """Whether the controller has seen the last change and every Pod is new and available."""
    status, wanted = item.get("status", {}), item["spec"]["replicas"]
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return status.get("observedGeneration") == item["metadata"]["generation"] and counts == {wanted}


async def _side_by_side(work: Iterable[Awaitable[Any]]) -> None:
    """Does it all, a few at a time."""
    slots = asyncio.Semaphore(_PARALLEL)

    async def one(item: Awaitable[Any]) -> None:
        async with slots:
            await item

    await asyncio.gather(*(one(item) for item in work))
