"""The running operator: a watch that fills the queue, workers that empty it while this process leads."""

import logging
from collections import deque
from datetime import timedelta

from paramedic.actions.reads import ListObjects
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.engine.lifecycle import ENDED
from paramedic.index import IncidentIndex
from paramedic.metrics import Figures, Metrics
from paramedic.model.objects import Object, dig
from paramedic.model.references import INCIDENT, PLAYBOOK, ObjectRef
from paramedic.playbooks import PlaybookReviewer
from paramedic.queue import WorkQueue
from paramedic.reconciler import NotLeading, Reconciler
from paramedic.sweeper import Sweeper

log = logging.getLogger(__name__)

Item = tuple[str, str, str]  # kind, namespace, name
_LONGEST_PAUSE = 30.0
_LONGEST_LAG = 15.0
#: So many incidents within so many seconds are a storm; then what is under way is looked at so much later.
_STORM, _STORM_SECONDS, _STORM_LAG = 20, 2.0, 8.0
_SWEEP_EVERY = 20.0
_RESYNC_EVERY = 60.0
_WATCH_LAG = 5.0
_OPEN = ",".join(f"status.phase!={phase}" for phase in sorted(ENDED))


class Controller:
    """Takes notice of objects at any time; works on them only once it is told to, which the leader is."""

    def __init__(
        self,
        api: Api,
        clock: Clock,
        queue: WorkQueue[Item],
        index: IncidentIndex,
        reconciler: Reconciler,
        sweeper: Sweeper,
        metrics: Metrics,
        namespace: str = "",
    ) -> None:
        """``namespace`` is the only one to work in; empty for all."""
        self._api, self._clock, self._namespace = api, clock, namespace
        self._reconciler, self._sweeper, self._metrics = reconciler, sweeper, metrics
        self.queue, self.index = queue, index
        self.reviews: WorkQueue[Item] = WorkQueue(clock)  # of its own, so that playbooks never hold an incident up
        self._reviewer = PlaybookReviewer(api, clock)
        self._failures: dict[Item, int] = {}
        self._arrivals: deque[float] = deque(maxlen=_STORM)
        self.watch_silent = False
        metrics.watch(self._figures)

    def notice(self, kind: str, event: str | None, obj: Object) -> None:
        """A watch event. What it shows is only a hint; the live object is read before anything is decided."""
        key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
        self._api.known.note(PLAYBOOK if kind == "Playbook" else INCIDENT, obj)
        if kind == "Playbook":
            self._metrics.expect(key[1], dig(obj, "spec", "severity", default=""))
            first = self._reviewer.first_look(obj, event)
            if first is not None:
                self.reviews.add(("Playbook", *key), first.total_seconds())
            woken = self.index.waiting_for_playbook(*key)
        elif event == "DELETED":
            woken = self.index.forget(key)
        else:
            woken = self.index.see(obj)
            if not self._reconciler.is_echo(key, obj["metadata"]["resourceVersion"]):
                self.queue.add(("Incident", *key))
        for other in woken:
            self.queue.add(("Incident", *other))

    def created(self, obj: Object) -> None:
        """An incident that this process has just created: a leader need not wait for its watch to show it."""
        self._arrivals.append(self._clock.monotonic())
        self._reconciler.created(obj)
        self.queue.add(("Incident", obj["metadata"]["namespace"], obj["metadata"]["name"]))

    async def work(self) -> None:
        """One worker: takes the next incident, for as long as it is let. Raises NotLeading."""
        await self._serve(self.queue)

    async def review(self) -> None:
        """One worker: takes the next playbook, for as long as it is let."""
        await self._serve(self.reviews)

    async def _serve(self, queue: WorkQueue[Item]) -> None:
        while True:
            item = await queue.get()
            again: float | None = None
            try:
                after = await self._look(item)
                self._failures.pop(item, None)
                lag = self._lag(queue) if after else 0.0
                again = after.total_seconds() + lag if after is not None else None
                self._metrics.reconciles.labels(item[0], "ok").inc()
            except (Unavailable, ApiError) as error:
                again = self._pause_after(item, error)
            except NotLeading:
                raise
            except Exception:
                # One object that cannot be handled must not stop the others; it comes again, ever more slowly.
                log.exception("an object could not be handled", extra={"object": "/".join(item)})
                again = self._pause_after(item, None)
            finally:
                queue.done(item)
            if again is not None:
                queue.add(item, again)

    def _lag(self, queue: WorkQueue[Item]) -> float:
        """How much later to look again at what is under way. Where the line is long, or alerts come in faster than they
        can be stored, to look soon would make it longer still: what was not looked at yet comes first.
        """
        now = self._clock.monotonic()
        storm = len(self._arrivals) == _STORM and now - self._arrivals[0] < _STORM_SECONDS
        return min(max(queue.late, _STORM_LAG if storm else 0.0), _LONGEST_LAG)

    async def _look(self, item: Item) -> timedelta | None:
        kind, namespace, name = item
        if kind == "Playbook":
            return await self._reviewer.review(namespace, name)
        return await self._reconciler.reconcile((namespace, name))

    def _pause_after(self, item: Item, error: Exception | None) -> float:
        count = self._failures[item] = self._failures.get(item, 0) + 1
        pause = min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(count - 1, 10))
        self._metrics.reconciles.labels(item[0], "unavailable" if error else "error").inc()
        if error:
            log.warning("trying again in %.1f s: %s", pause, error, extra={"object": "/".join(item)})
        return pause

    async def learn(self) -> None:
        """Looks up what is at work before any work is done: the watch may not have shown all of it yet."""
        question = ListObjects(INCIDENT, self._namespace, field_selector=f"{_OPEN},status.phase!=Pending", limit=10_000)
        while True:
            try:
                for item in await self._api.list(question):
                    if not self.index.knows((item["metadata"]["namespace"], item["metadata"]["name"])):
                        self.index.see(item)
                return
            except (Unavailable, ApiError) as error:
                log.warning("what is at work could not be looked up: %s", error)
                await self._clock.sleep(1.0)

    async def resync(self) -> None:
        """Looks up by itself what has not ended, now and then: a watch can go silent without a word. Then incidents
        are still worked on, but late, so `watch_silent` says so.
        """
        question = ListObjects(INCIDENT, self._namespace, field_selector=_OPEN, limit=10_000)
        while True:
            await self._clock.sleep(_RESYNC_EVERY)
            try:
                listed = [
                    (item["metadata"]["namespace"], item["metadata"]["name"]) for item in await self._api.list(question)
                ]
            except (Unavailable, ApiError) as error:
                log.warning("open incidents could not be listed: %s", error)
                continue
            for key in listed:
                self.queue.add(("Incident", *key))
            await self._clock.sleep(_WATCH_LAG)
            unseen = [key for key in listed if not self.index.knows(key)]
            self.watch_silent = bool(unseen) and await self._exists(unseen[0])
            if self.watch_silent:
                log.error(
                    "the watch does not show incidents that are there; they are looked up every %d s", _RESYNC_EVERY
                )

    async def _exists(self, key: tuple[str, str]) -> bool:
        try:
            return await self._api.get(ObjectRef.to(INCIDENT, *key)) is not None
        except (Unavailable, ApiError):
            return False

    async def sweep(self) -> None:
        """Ends what has outlived its Incident, now and then, for as long as it is let. Raises NotLeading."""
        while True:
            try:
                await self._sweeper.sweep()
            except (Unavailable, ApiError) as error:
                log.warning("expired isolations could not be looked for: %s", error)
            await self._clock.sleep(_SWEEP_EVERY)

    def _figures(self) -> Figures:
        return Figures(
            phases=self.index.phases(),
            oldest=self.index.oldest(self._clock.now()),
            queue_depth=self.queue.depth,
            queue_oldest=self.queue.oldest,
            watch_silent=self.watch_silent,
        )
