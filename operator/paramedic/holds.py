"""Takes back what must end by itself and has no object of its own that tells of it, once its Incident is gone.

The notes are the operator's own Leases; what they say is undone by the action that made the change, as the playbook's
account. While the Incident lives, its own undo is the engine's; a note is deleted when that has succeeded.
"""

import logging
from collections.abc import Callable

from paramedic.actions.contract import Failed, Finished, Observation, Pending
from paramedic.actions.holds import Held
from paramedic.actions.reads import Denied, ListObjects, Missing, Seen
from paramedic.actions.registry import ACTIONS
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.cluster.holds import content_of
from paramedic.cluster.transport import ApiError, Request, Unavailable
from paramedic.engine.decide import settle
from paramedic.model.names import HOLD_LABEL
from paramedic.model.objects import Object, dig
from paramedic.model.references import INCIDENT, LEASE, ObjectRef
from paramedic.reconciler import NotLeading

log = logging.getLogger(__name__)
_ROUNDS = 20


class CannotEnd(Exception):
    """What is temporary stays beyond its time. The text says why; it is tried again."""


class Holds:
    """The notes in the operator's own namespace. One that cannot be ended keeps no other from its end: the log says once why
    it stays, and it is tried again.
    """

    def __init__(self, api: Api, clock: Clock, home: str, leads: Callable[[], bool]) -> None:
        self._api, self._clock, self._home, self._leads = api, clock, home, leads
        self._told: dict[str, str] = {}  # why one stays, by its name

    async def sweep(self) -> int:
        """How many changes were ended. Raises NotLeading, and Unavailable where the notes cannot be listed."""
        try:
            found = await self._api.list(ListObjects(LEASE, self._home, HOLD_LABEL, limit=1_000))
        except ApiError as error:
            self._tell("*", f"what must end by itself cannot be listed in namespace {self._home}: {error.message}")
            return 0
        names = {str(lease["metadata"]["name"]) for lease in found}
        self._told = {name: why for name, why in self._told.items() if name in names}
        return sum([await self._end_if_over(lease) for lease in found])

    async def _end_if_over(self, lease: Object) -> bool:
        """Whether the change was ended now. Raises NotLeading."""
        name = str(lease["metadata"]["name"])
        try:
            held = _read(lease)
            step = await self._step_of(held)
            if step is not None:  # the engine's, as long as the Incident lives
                if dig(step, "undo", "state") == "Succeeded":
                    await self._delete(lease)
                return False
            if held.until > self._clock.now():
                return False
            await self._undo(held)
            await self._delete(lease)
        except NotLeading:
            raise
        except (CannotEnd, ApiError, Unavailable) as error:
            self._tell(name, str(error))
            return False
        except Exception as error:
            self._tell(name, repr(error), error)
            return False
        return True

    async def _step_of(self, held: Held) -> Object | None:
        """The step of the living Incident that made the change; None where the Incident is gone."""
        incident = await self._api.get(ObjectRef.to(INCIDENT, held.namespace, held.incident))
        if incident is None or incident["metadata"]["uid"] != held.incident_uid:
            return None
        steps: list[Object] = dig(incident, "status", "steps", default=[])
        return next((item for item in steps if item["name"] == held.step), {})

    async def _undo(self, held: Held) -> None:
        """Asks the action what is left to do, and does it, until nothing is. Raises CannotEnd, Unavailable, NotLeading."""
        settled: Observation | None = None
        for _ in range(_ROUNDS):
            answer = settled or await self._ask(held)
            if isinstance(answer, Finished):
                log.info(
                    "the time of a change is over and its incident is gone: %s", answer.message,
                    extra={"incident": f"{held.namespace}/{held.incident}", "account": held.account},
                )  # fmt: skip
                return
            if not isinstance(answer, Pending):
                raise CannotEnd(answer.message)
            settled = await self._do(answer, held)
        raise CannotEnd("it is not done, however often it is tried")

    async def _ask(self, held: Held) -> Observation:
        action, seen = ACTIONS[held.action], Seen()
        params = action.parameters.model_validate(held.parameters)
        for _ in range(_ROUNDS):
            try:
                return action.undo(params, held.context(self._clock.now()), held.record, seen)
            except Missing as missing:
                seen.answers |= await self._api.answer(missing.reads, held.namespace, held.account)
            except Denied as denied:
                return Failed(str(denied))
        raise CannotEnd("it asks for more and more reads")

    async def _do(self, pending: Pending, held: Held) -> Observation | None:
        """The verdict where there is one; None: look again."""
        outcomes = []
        for effect in pending.effects:
            if not self._leads():
                raise NotLeading
            outcomes.append(await self._api.perform(effect, held.namespace, held.account))
        verdict = settle(pending, outcomes)
        return verdict if isinstance(verdict, Finished | Failed) else None

    async def _delete(self, lease: Object) -> None:
        if not self._leads():
            raise NotLeading
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": lease["metadata"]["uid"]}}
        path = LEASE.path(self._home, lease["metadata"]["name"])
        try:
            await self._api.transport.send(Request("DELETE", path, body=options))
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    def _tell(self, name: str, why: str, unforeseen: Exception | None = None) -> None:
        """Says it once, for as long as the reason stays the same: a sweep comes every few seconds."""
        if self._told.get(name) == why:
            return
        self._told[name] = why
        log.warning(
            "a change whose incident is gone, kept as Lease/%s in namespace %s, could not be ended and is tried again: %s",
            name, self._home, why, exc_info=unforeseen,
        )  # fmt: skip


def _read(lease: Object) -> Held:
    """Raises CannotEnd."""
    try:
        return Held.load(content_of(lease))
    except (KeyError, TypeError, ValueError) as error:
        raise CannotEnd(f"it does not say what must end ({error!r}); delete it once you have looked") from None
