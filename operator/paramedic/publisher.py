"""Telling the world what is stored: Kubernetes Events on the Incident, metrics, the log. Never the other way round: what
is told was stored first, and what cannot be told holds nothing up.
"""

import asyncio
import logging
import uuid
from collections.abc import Iterable

from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.engine.lifecycle import ENDED
from paramedic.engine.run import Happening, Run
from paramedic.metrics import Metrics
from paramedic.model.objects import Object
from paramedic.model.references import EVENT
from paramedic.model.text import shorten
from paramedic.model.times import format_second, parse_time

log = logging.getLogger(__name__)
_WAITING_EVENTS = 2_000


class Publisher:
    """Events are written by one task in the background, in order; a full queue drops and counts them."""

    def __init__(self, api: Api, clock: Clock, metrics: Metrics) -> None:
        self._api, self._clock, self._metrics = api, clock, metrics
        self._events: asyncio.Queue[Object] = asyncio.Queue(_WAITING_EVENTS)

    def publish(self, run: Run, happened: Iterable[Happening]) -> None:
        """Tells what a stored status means."""
        self._metrics.expect(_playbook(run), run.status.severity or "")
        for happening in happened:
            self._log(run, happening)
            self._measure(run, happening)
            try:
                self._events.put_nowait(self._event(run, happening))
            except asyncio.QueueFull:
                self._metrics.events_dropped.inc()
        self._measure_end(run)
        self._measure_times(run)

    async def write_events(self) -> None:
        """Writes events for as long as it is let."""
        while True:
            event = await self._events.get()
            try:
                await self._api.create(EVENT, event["metadata"]["namespace"], event)
            except ApiError as error:
                if error.status != 409:
                    self._metrics.events_dropped.inc()
                    log.debug("an Event was not written: %s", error)
            except Unavailable as error:
                self._metrics.events_dropped.inc()
                log.debug("an Event was not written: %s", error)
            finally:
                self._events.task_done()

    async def flush(self, seconds: float) -> None:
        """Waits until what was told is written, but not longer than this."""
        try:
            await asyncio.wait_for(self._events.join(), seconds)
        except TimeoutError:
            log.debug("some Events were not written before the end")

    def _event(self, run: Run, happening: Happening) -> Object:
        meta = run.incident.metadata
        moment = format_second(run.now)
        # The same happening has the same name, so that telling it again after a crash adds nothing.
        key = f"{meta.uid}/{happening.reason}/{happening.step}/{run.status.progress}/{happening.message}"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta.name[:200]}.{uuid.uuid5(uuid.NAMESPACE_OID, key).hex[:16]}",
                "namespace": meta.namespace,
            },
            "involvedObject": {
                "apiVersion": "paramedic.dev/v1alpha1", "kind": "Incident", "name": meta.name,
                "namespace": meta.namespace, "uid": meta.uid,
            },
            "reason": happening.reason,
            "message": shorten(happening.message, 1000),
            "type": "Warning" if happening.warning else "Normal",
            "source": {"component": "paramedic"},
            "reportingComponent": "paramedic.dev/paramedic",
            "reportingInstance": "paramedic",
            "action": happening.action or happening.reason,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }  # fmt: skip

    def _log(self, run: Run, happening: Happening) -> None:
        meta = run.incident.metadata
        level = logging.WARNING if happening.warning else logging.INFO
        extra = {"incident": f"{meta.namespace}/{meta.name}", "event": happening.reason, "phase": run.phase}
        if happening.step:
            extra |= {"step": happening.step, "action": happening.action}
        log.log(level, happening.message, extra=extra)

    def _measure(self, run: Run, happening: Happening) -> None:
        if happening.outcome:
            self._metrics.steps.labels(happening.action, happening.outcome).observe(happening.seconds)
            self._metrics.count_step(_playbook(run), happening.step, happening.outcome)
        if happening.reason in _UNDO_OUTCOMES:
            self._metrics.undos.labels(_UNDO_OUTCOMES[happening.reason]).inc()
        if happening.reason == "Escalated":
            self._metrics.escalations.labels(run.status.severity or "").inc()

    def _measure_end(self, run: Run) -> None:
        if run.phase in ENDED and run.incident.status.phase not in ENDED:
            self._metrics.ended.labels(run.phase, self._metrics.playbook(_playbook(run))).inc()

    def _measure_times(self, run: Run) -> None:
        """Observes each span whose end is new."""
        stored, times = run.incident.status.times, run.status.times
        for histogram, known, begin, end in (
            (self._metrics.to_acknowledge, stored.acknowledged_at, times.detected_at, times.acknowledged_at),
            (self._metrics.to_first_action, stored.first_action_at, times.detected_at, times.first_action_at),
            (self._metrics.to_resolve, stored.resolved_at, times.started_at, times.resolved_at),
        ):
            if begin and end and not known:
                labels = self._metrics.playbook(_playbook(run)), run.status.severity or ""
                seconds = (parse_time(end) - parse_time(begin)).total_seconds()
                histogram.labels(*labels).observe(max(0.0, seconds))


_UNDO_OUTCOMES = {"Undone": "Undone", "UndoFailed": "Failed"}


def _playbook(run: Run) -> str:
    """The playbook of the plan. A name that an incident only asks for is no label: anybody could make up any number."""
    return run.status.playbook.name if run.status.plan and run.status.playbook else ""
