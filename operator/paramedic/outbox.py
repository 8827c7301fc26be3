"""Sends what the engine has written down to be told, beside the reconciler: a channel that hangs holds no remedy up.

What is on its way, and what became of it, is kept in memory until the engine has written it down. After a restart a
message that was on its way is one of which nobody knows whether it arrived; the engine says so and does not repeat it.
"""

import asyncio
import base64
import logging
from binascii import Error as NotBase64
from collections import defaultdict
from collections.abc import Callable

from paramedic.actions.reads import Denied, GetObject
from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import IncidentStatus, Notification
from paramedic.cluster.api import Api
from paramedic.cluster.transport import Unavailable
from paramedic.engine.lifecycle import ENDED
from paramedic.metrics import Metrics
from paramedic.model.deliveries import Delivery
from paramedic.model.objects import dig
from paramedic.model.references import SECRET, ObjectRef
from paramedic.notify.contract import Moment, Notice, Notifier

log = logging.getLogger(__name__)
Key = tuple[str, str]


class Outbox:
    """Messages on their way. ``wake`` is called with the incident's key when one has come to an end."""

    def __init__(
        self, api: Api, notifier: Notifier, metrics: Metrics, leads: Callable[[], bool], wake: Callable[[Key], None]
    ) -> None:
        self._api, self._notifier, self._metrics = api, notifier, metrics
        self._leads, self._wake = leads, wake
        self._tasks: dict[Key, dict[str, asyncio.Task[None]]] = defaultdict(dict)
        self._delivered: dict[Key, dict[str, Delivery]] = defaultdict(dict)
        self._last: dict[tuple[Key, str], asyncio.Task[None]] = {}  # by incident and channel: they keep their order

    def sending(self, key: Key) -> frozenset[str]:
        """Which of an incident's notifications are on their way."""
        return frozenset(self._tasks.get(key, ()))

    def delivered(self, key: Key) -> dict[str, Delivery]:
        """What became of those that are not yet written down."""
        return dict(self._delivered.get(key, ()))

    def stored(self, key: Key, incident: Incident, status: IncidentStatus) -> None:
        """The status is stored: sends what it says is to be sent, and forgets what it tells the end of."""
        open_ones = {item.id: item for item in status.notifications if item.state == "Sending"}
        for identifier in [item for item in self._delivered.get(key, ()) if item not in open_ones]:
            del self._delivered[key][identifier]
        if not self._delivered.get(key, True):
            del self._delivered[key]
        for identifier, item in open_ones.items():
            if identifier not in self._tasks[key] and identifier not in self._delivered[key]:
                notice = notice_of(incident, status, item)
                before = self._last.get((key, item.channel))
                task = asyncio.create_task(self._send(key, item, notice, before))
                self._tasks[key][identifier] = self._last[key, item.channel] = task

    def forget(self, key: Key) -> None:
        """The incident is gone."""
        self._delivered.pop(key, None)

    async def idle(self, seconds: float) -> None:
        """Waits until nothing is on its way, but not longer than this."""
        tasks = [task for found in self._tasks.values() for task in found.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def _send(self, key: Key, item: Notification, notice: Notice, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            delivery = await self._deliver(key[0], item, notice)
        except Exception:
            log.exception("a message could not be sent", extra={"incident": "/".join(key), "channel": item.channel})
            delivery = Delivery("Unknown", "an error of the operator's own; see its log")
        self._metrics.notifications.labels(delivery.state).inc()
        self._delivered[key][item.id] = delivery
        self._tasks[key].pop(item.id, None)
        if not self._tasks[key]:
            del self._tasks[key]
        if self._last.get((key, item.channel)) is asyncio.current_task():
            del self._last[key, item.channel]
        self._wake(key)

    async def _deliver(self, namespace: str, item: Notification, notice: Notice) -> Delivery:
        name, _, data_key = item.secret.partition("/")
        question = GetObject(ObjectRef.to(SECRET, namespace, name))
        try:
            secret = (await self._api.answer([question], namespace, item.account))[question]
        except Unavailable as error:
            return Delivery("Failed", f"Secret {name} could not be read: {error}")
        if isinstance(secret, Denied):
            return Delivery("Failed", str(secret))
        if secret is None:
            return Delivery("Failed", f"there is no Secret {name} in namespace {namespace}; create it")
        try:
            url = base64.b64decode(dig(secret, "data", data_key, default="")).decode().strip()
        except (NotBase64, UnicodeDecodeError):
            url = ""
        if not url:
            return Delivery(
                "Failed", f"Secret {name} holds no text under the key {data_key}; put the Apprise URL there"
            )
        if not self._leads():
            return Delivery("Failed", "this process does not lead any more")
        return await self._notifier.send(url, notice)


def notice_of(incident: Incident, status: IncidentStatus, item: Notification) -> Notice:
    """The message as a notifier takes it."""
    first = next(other.id for other in status.notifications if other.channel == item.channel)
    moment: Moment = "Open" if item.id == first else "Update"
    if status.phase in ENDED and status.phase != "Failed" and item.reason == "Ended":
        moment = "End"
    meta = incident.metadata
    return Notice(
        title=item.title,
        text=item.text,
        severity=status.severity or "Warning",
        key=item.id,
        thread=meta.uid,
        moment=moment,
        incident=f"{meta.namespace}/{meta.name}",
    )
