"""Read, decide, write, act. Everything that is remembered is in the API server; what is held here is only speed."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

from pydantic import ValidationError

from paramedic.actions.reads import AskPause, CountActive, ListObjects, Missing, Read, Seen
from paramedic.api.v1alpha1.incident import Incident
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.cluster.transport import ApiError
from paramedic.engine.bounds import fit
from paramedic.engine.decide import decide, settle
from paramedic.engine.readiness.validation import explain
from paramedic.engine.run import Decision, Perform, Run, Store, dump_status
from paramedic.index import IncidentIndex
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, ObjectRef
from paramedic.outbox import Outbox
from paramedic.pause import PauseSwitch
from paramedic.publisher import Publisher

log = logging.getLogger(__name__)

Key = tuple[str, str]  # namespace, name
_TURNS = 100
_ROUNDS = 40


class NotLeading(Exception):
    """This process does not lead (any more), so it writes nothing."""

    def __init__(self) -> None:
        super().__init__("this process does not lead any more")


class Reconciler:
    """Takes one incident as far as it goes now."""

    def __init__(
        self,
        api: Api,
        clock: Clock,
        publisher: Publisher,
        outbox: Outbox,
        pause: PauseSwitch,
        index: IncidentIndex,
        leads: Callable[[], bool],
    ) -> None:
        self._api, self._clock, self._publisher, self._leads = api, clock, publisher, leads
        self._outbox, self._pause, self._index = outbox, pause, index
        self._stored: dict[Key, tuple[str, float]] = {}  # resourceVersion of our last write, and when it was
        self._target_locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def is_echo(self, key: Key, resource_version: str) -> bool:
        """Whether a watch event only tells of our own last write."""
        return self._stored.get(key, ("", 0.0))[0] == resource_version

    async def reconcile(self, key: Key) -> timedelta | None:
        """Goes on with one incident. When to look again; None: when it changes.

        Raises Unavailable (no API server), NotLeading.
        """
        ref = ObjectRef.to(INCIDENT, *key)
        obj = await self._api.get(ref)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._stored.pop(key, None)
            self._outbox.forget(key)
            return None
        seen, settled = Seen(), dict[str, Any]()
        for _ in range(_TURNS):
            incident = _parse(obj)
            if incident is None:
                return None
            run = self._run(key, incident)
            decision = await self._decide(run, seen, settled)
            if isinstance(decision, Store):
                stored = await self._store(key, obj, run, seen, settled)
                if stored is None:
                    return timedelta(0)
                # What was seen is kept for the effects of the intent just stored: they are bound to what was seen.
                obj, settled = stored, {}
            elif isinstance(decision, Perform):
                settled = await self._perform(run, decision)
                seen = Seen()
            else:
                return decision.after
        log.warning("an incident takes unusually many turns; going on later", extra={"incident": "/".join(key)})
        return timedelta(seconds=1)

    async def _decide(self, run: Run, seen: Seen, settled: dict[str, Any]) -> Decision:
        """Asks the engine, and answers its questions until it needs no more."""
        for _ in range(_ROUNDS):
            attempt = replace(run, happened=[], account="")
            try:
                decision = decide(attempt, seen, settled)
            except Missing as missing:
                seen.answers |= await self._answer(missing.reads, attempt)
                continue
            run.status, run.happened, run.account = attempt.status, attempt.happened, attempt.account
            return decision
        raise RuntimeError(f"incident {run.namespace}/{run.name} asks for more and more reads")

    def _run(self, key: Key, incident: Incident) -> Run:
        return Run(
            incident,
            self._clock.now(),
            quiet_for=self._quiet_for(key),
            delivered=self._outbox.delivered(key),
            sending=self._outbox.sending(key),
        )

    async def _answer(self, reads: tuple[Read, ...], run: Run) -> dict[Read, Any]:
        """The answers: of this process where it counts itself, else of the API server, side by side."""
        own: dict[Read, Any] = {
            item: self._index.active(item.namespace, item.playbook) for item in reads if isinstance(item, CountActive)
        }
        asked = [item for item in reads if not isinstance(item, CountActive | AskPause)]
        if AskPause() not in reads:
            return own | await self._api.answer(asked, run.namespace, run.account)
        paused, answers = await asyncio.gather(self._pause.ask(), self._api.answer(asked, run.namespace, run.account))
        own |= answers
        own[AskPause()] = paused
        return own

    async def _store(self, key: Key, obj: Object, run: Run, seen: Seen, settled: dict[str, Any]) -> Object | None:
        """Writes the status. None where it must be decided anew, because the incident changed meanwhile."""
        if run.incident.status.plan is None and run.status.plan is not None and not run.dry:
            return await self._store_first(key, obj, run, seen, settled)
        return await self._put(key, obj, run)

    async def _store_first(self, key: Key, obj: Object, run: Run, seen: Seen, settled: dict[str, Any]) -> Object | None:
        """The write that takes the target: under a lock, and after one more look at who else is on it."""
        name = (key[0], run.status.target or "")
        lock = self._target_locks.setdefault(name, asyncio.Lock())
        async with lock:
            for question in [item for item in seen.answers if _is_about_others(item)]:
                del seen.answers[question]
            await self._decide(run, seen, settled)
            if run.status.plan is None or run.status.playbook is None:
                return await self._put(key, obj, run)
            self._index.claim(key, run.status.playbook.name)
            stored: Object | None = None
            try:
                stored = await self._put(key, obj, run)
            finally:
                if stored is None:
                    self._index.drop_claim(key)
            return stored

    async def _put(self, key: Key, obj: Object, run: Run) -> Object | None:
        if not self._leads():
            raise NotLeading
        status = fit(run.status)
        try:
            stored = await self._api.put_status(INCIDENT, {**obj, "status": dict(dump_status(status))})
        except ApiError as error:
            if error.status in (404, 409):
                return None
            raise
        self._stored[key] = (stored["metadata"]["resourceVersion"], self._clock.monotonic())
        self._publisher.publish(run, run.happened)
        self._outbox.stored(key, run.incident, status)
        return stored

    async def _perform(self, run: Run, decision: Perform) -> dict[str, Any]:
        outcomes = []
        for effect in decision.effects:
            if not self._leads():
                raise NotLeading
            outcome = await self._api.perform(effect, run.namespace, run.account)
            extra = {"incident": f"{run.namespace}/{run.name}", "step": decision.step, "account": run.account}
            log.info("%s: %s %s", effect.describe(), outcome.result, outcome.message, extra=extra)
            outcomes.append(outcome)
        verdict = settle(decision.pending, outcomes)
        return {decision.step: verdict} if verdict is not None else {}

    def _quiet_for(self, key: Key) -> timedelta:
        now = self._clock.monotonic()
        return timedelta(seconds=now - self._stored.get(key, ("", now))[1])


def _is_about_others(question: Read) -> bool:
    """Whether other incidents may have changed the answer meanwhile."""
    return isinstance(question, CountActive) or (isinstance(question, ListObjects) and question.resource == INCIDENT)


def _parse(obj: Object) -> Incident | None:
    try:
        return Incident.model_validate(obj)
    except ValidationError as error:
        meta = obj["metadata"]
        log.error(
            "an incident cannot be read, so it is left alone: %s; are the CRDs of this version installed?",
            "; ".join(explain(error)[:3]),
            extra={"incident": f"{meta['namespace']}/{meta['name']}"},
        )
        return None
