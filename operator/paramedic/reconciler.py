"""Read, decide, write, act. Everything that is remembered is in the API server; what is held here is only speed."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from pydantic import ValidationError

from paramedic.actions.contract import Working
from paramedic.actions.effects import Effect, Hold, JsonPatch, MergePatch, Outcome, Result, Send
from paramedic.actions.reads import AskPause, CountActive, GetObject, ListObjects, Missing, Read, Seen
from paramedic.api.v1alpha1.incident import Incident
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.engine.bounds import fit
from paramedic.engine.decide import decide, settle
from paramedic.engine.readiness.validation import explain
from paramedic.engine.run import Decision, Perform, Run, Store, dump_status
from paramedic.index import IncidentIndex
from paramedic.model.objects import Object, dig
from paramedic.model.references import INCIDENT, ObjectRef
from paramedic.outbox import Outbox
from paramedic.pause import PauseSwitch
from paramedic.publisher import Publisher
from paramedic.unstored import Unstored, moved_steps

log = logging.getLogger(__name__)

Key = tuple[str, str]  # namespace, name
_TURNS = 100
_ROUNDS = 40
#: Own writes whose echo in the watch may still be on its way.
_VERSIONS = 4


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
        self._stored: dict[Key, _Stored] = {}
        self._created: dict[Key, Object] = {}
        self._unstored = Unstored()
        self._claims: WeakValueDictionary[tuple[str, str], _Claim] = WeakValueDictionary()

    def is_echo(self, key: Key, resource_version: str) -> bool:
        """Whether a watch event only tells of a write of our own, after which the incident was looked at anyway."""
        return key in self._stored and resource_version in self._stored[key].versions

    def created(self, obj: Object) -> None:
        """Takes over an incident that this process has just created: as the API server answered it is as live as a read,
        and what is written of it is bound to its resourceVersion all the same.
        """
        if self._leads():
            key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
            self._created[key] = obj
            self._note(key, obj)

    async def reconcile(self, key: Key) -> timedelta | None:
        """Goes on with one incident. When to look again; None: when it changes.

        Raises Unavailable (no API server), NotLeading.
        """
        obj = self._created.pop(key, None) or await self._api.get(ObjectRef.to(INCIDENT, *key))
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._stored.pop(key, None)
            self._unstored.forget(key)
            self._outbox.forget(key)
            return None
        claim = self._claim_of(key[0], _named_target(obj))
        look = _Look(key, obj, claim, claim.taken)
        for turn in range(_TURNS):
            incident = _parse(look.obj)
            if incident is None:
                return None
            if turn == 0:
                look.settled = dict(self._unstored.verdicts(key, incident.status))
            run, decision = await self._decide(look, incident)
            if isinstance(decision, Store):
                stored = await self._store(look, run)
                if stored is None:
                    return timedelta(0)
                # What was seen is kept for the effects of the intent just stored: they are bound to what was seen.
                moved = {step.name for step in moved_steps(run.incident.status, run.status)}
                look.settled = {name: kept for name, kept in look.settled.items() if name not in moved}
                look.obj = stored
            elif isinstance(decision, Perform):
                await self._perform(look, run, decision)
            else:
                return decision.after
        log.warning("an incident takes unusually many turns; going on later", extra={"incident": "/".join(key)})
        return timedelta(seconds=1)

    async def _decide(self, look: "_Look", incident: Incident) -> tuple[Run, Decision]:
        """Asks the engine, and answers its questions until it needs no more. Each time it begins with what is stored."""
        now = self._clock.now()
        for _ in range(_ROUNDS):
            run = self._run(look.key, incident, now)
            try:
                return run, decide(run, look.seen, look.settled)
            except Missing as missing:
                look.seen.answers |= await self._answer(missing.reads, run)
        raise RuntimeError(f"incident {'/'.join(look.key)} asks for more and more reads")

    def _run(self, key: Key, incident: Incident, now: datetime) -> Run:
        return Run(
            incident,
            now,
            quiet_for=self._quiet_for(key),
            fresh=self._unstored.fresh(key),
            delivered=self._outbox.delivered(key),
            sending=self._outbox.sending(key),
        )

    async def _answer(self, reads: tuple[Read, ...], run: Run) -> dict[Read, Any]:
        """The answers: of this process where it counts itself, else of the API server, side by side."""
        own = self._counted(reads)
        asked = [item for item in reads if not isinstance(item, CountActive | AskPause)]
        if AskPause() not in reads:
            return own | await self._api.answer(asked, run.namespace, run.account)
        paused, answers = await asyncio.gather(self._pause.ask(), self._api.answer(asked, run.namespace, run.account))
        own |= answers
        own[AskPause()] = paused
        return own

    def _counted(self, reads: Iterable[Read]) -> dict[Read, Any]:
        return {
            item: self._index.active(item.namespace, item.playbook) for item in reads if isinstance(item, CountActive)
        }

    async def _store(self, look: "_Look", run: Run) -> Object | None:
        """Writes the status. None where it must be decided anew, because the incident changed meanwhile."""
        if run.incident.status.plan is None and run.status.plan is not None and not run.dry:
            return await self._store_first(look, run)
        return await self._put(look, run)

    async def _store_first(self, look: "_Look", run: Run) -> Object | None:
        """The write that takes the target: by one incident at a time, each of which knows of the one before."""
        target = run.status.target or ""
        claim = self._claim_of(look.key[0], target)
        async with claim.lock:
            untouched = target if claim is look.claim and claim.taken == look.taken else ""
            if stale := [item for item in look.seen.answers if _may_have_changed(item, untouched)]:
                for question in stale:
                    del look.seen.answers[question]
                run, _ = await self._decide(look, run.incident)
            # Counted last, and decided without another request: nobody can begin between the count and the claim.
            look.seen.answers |= self._counted(look.seen.answers)
            run, _ = await self._decide(look, run.incident)
            if run.status.plan is None or run.status.playbook is None:
                return await self._put(look, run)
            self._index.claim(look.key, run.status.playbook.name)
            stored: Object | None = None
            try:
                stored = await self._put(look, run)
            finally:
                claim.taken += 1
                if stored is None:
                    self._index.drop_claim(look.key)
            return stored

    def _claim_of(self, namespace: str, target: str) -> "_Claim":
        return self._claims.setdefault((namespace, target), _Claim())

    async def _put(self, look: "_Look", run: Run) -> Object | None:
        if not self._leads():
            raise NotLeading
        status = fit(run.status)
        try:
            stored = await self._api.put_status(INCIDENT, {**look.obj, "status": dict(dump_status(status))})
        except ApiError as error:
            if error.status in (404, 409):
                return None
            raise
        except Unavailable:
            self._unstored.may_be_stored(look.key, run.begins)
            raise
        self._note(look.key, stored)
        self._unstored.stored(look.key, run.incident.status, run.status, run.begins)
        self._publisher.publish(run, run.happened)
        self._outbox.stored(look.key, run.incident, status)
        return stored

    async def _perform(self, look: "_Look", run: Run, decision: Perform) -> None:
        """Does the effects. Nothing that was seen before is believed afterwards, but what the API server answered."""
        outcomes = []
        look.seen = Seen()
        for effect in decision.effects:
            if not self._leads():
                raise NotLeading
            outcome = await self._do(effect, run, run.step(decision.step).operation_id or "")
            extra = {"incident": f"{run.namespace}/{run.name}", "step": decision.step, "account": run.account}
            log.info("%s: %s %s", effect.describe(), outcome.result, outcome.message, extra=extra)
            outcomes.append(outcome)
            if isinstance(effect, Hold) and outcome.result not in (Result.DONE, Result.EXISTED):
                break  # nothing is begun that is not sure to end
            if isinstance(effect, MergePatch | JsonPatch) and outcome.result is Result.DONE:
                look.seen.answers[GetObject(effect.ref.named)] = outcome.stored
        verdict = settle(decision.pending, outcomes)
        look.settled.pop(decision.step, None)
        if verdict is None:
            return
        look.settled[decision.step] = verdict
        if decision.pending.read is not None and not isinstance(verdict, Working):
            operation = run.step(decision.step).operation_id or ""
            self._unstored.learned(look.key, operation, verdict)

    async def _do(self, effect: Effect, run: Run, operation: str) -> Outcome:
        """One effect. A request counts as begun from here on, unless it was surely not sent."""
        if not isinstance(effect, Send):
            return await self._api.perform(effect, run.namespace, run.account)
        key = (run.namespace, run.name)
        fresh = self._unstored.begin(key, operation)
        outcome = await self._api.perform(effect, run.namespace, run.account)
        self._unstored.ended(key, operation, fresh, outcome)
        return outcome

    def _quiet_for(self, key: Key) -> timedelta:
        last = self._stored.get(key)
        return timedelta(seconds=self._clock.monotonic() - last.at) if last else timedelta(0)

    def _note(self, key: Key, stored: Object) -> None:
        """Remembers that this process has written an incident."""
        earlier = self._stored[key].versions if key in self._stored else ()
        versions = (*earlier[-_VERSIONS + 1 :], stored["metadata"]["resourceVersion"])
        self._stored[key] = _Stored(versions, self._clock.monotonic())


@dataclass(frozen=True, slots=True)
class _Stored:
    """What this process wrote of an incident: the resourceVersions of its last writes, and when the last one was."""

    versions: tuple[str, ...]
    at: float


class _Claim:
    """Taking one target: by whom at a time, and how often it was taken while this object was in somebody's hands."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.taken = 0


@dataclass
class _Look:
    """One look at an incident: as it is stored, and what was seen and done since the look began."""

    key: Key
    obj: Object
    claim: _Claim  # of the target that the incident names
    taken: int  # how often that had been taken when the look began
    seen: Seen = field(default_factory=Seen)
    settled: dict[str, Any] = field(default_factory=dict)


def _named_target(obj: Object) -> str:
    ref = dig(obj, "spec", "targetRef", default={})
    return f"{ref.get('kind')}/{ref.get('name')}"


def _may_have_changed(question: Read, untouched: str) -> bool:
    """Whether other incidents may have changed the answer. ``untouched`` is a target that none has taken meanwhile."""
    if not isinstance(question, ListObjects) or question.resource != INCIDENT:
        return False
    return not (untouched and question.field_selector.startswith(f"status.target={untouched},"))


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
