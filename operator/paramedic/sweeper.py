"""Ends isolations whose Incident is gone: they carry when they end and who may end them, and any leader does it."""

import logging
from collections.abc import Callable

from paramedic.actions.effects import Delete, Effect, MergePatch, Result
from paramedic.actions.reads import ListObjects
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.model.names import (
    ACCOUNT_ANNOTATION,
    EXPIRES_ANNOTATION,
    INCIDENT_LABEL,
    INCIDENT_UID_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    OPERATION_ANNOTATION,
    QUARANTINE_LABEL,
    service_account_user,
)
from paramedic.model.objects import Object, annotations, labels
from paramedic.model.references import INCIDENT, NETWORK_POLICY, POD, ObjectRef
from paramedic.model.times import parse_time
from paramedic.pause import PauseSwitch
from paramedic.reconciler import NotLeading

log = logging.getLogger(__name__)


class Sweeper:
    """Looks for isolations whose time is over. One that belongs to a living Incident is the engine's to undo."""

    def __init__(self, api: Api, clock: Clock, pause: PauseSwitch, namespace: str, leads: Callable[[], bool]) -> None:
        self._api, self._clock, self._namespace, self._leads = api, clock, namespace, leads
        self._pause = pause

    async def sweep(self) -> int:
        """How many were ended. Raises ApiError, Unavailable, NotLeading."""
        question = ListObjects(NETWORK_POLICY, self._namespace, f"{MANAGED_BY_LABEL}={MANAGED_BY}", limit=5000)
        ended = 0
        if await self._pause.ask():
            return ended
        for policy in await self._api.list(question):
            if self._is_over(policy) and not await self._has_incident(policy):
                ended += await self._end(policy)
        return ended

    def _is_over(self, policy: Object) -> bool:
        until = annotations(policy).get(EXPIRES_ANNOTATION)
        try:
            return until is not None and parse_time(until) <= self._clock.now()
        except ValueError:
            return False

    async def _has_incident(self, policy: Object) -> bool:
        name, namespace = labels(policy).get(INCIDENT_LABEL, ""), policy["metadata"]["namespace"]
        if not name:
            return False
        incident = await self._api.get(ObjectRef.to(INCIDENT, namespace, name))
        return incident is not None and incident["metadata"]["uid"] == annotations(policy).get(INCIDENT_UID_ANNOTATION)

    async def _end(self, policy: Object) -> int:
        found = annotations(policy)
        account = found.get(ACCOUNT_ANNOTATION, "")
        namespace = policy["metadata"]["namespace"]
        effects: list[Effect] = [Delete(ObjectRef.of(policy))]
        effects += await self._unlabel(namespace, account, found.get(OPERATION_ANNOTATION, ""))
        for effect in effects:
            if not self._leads():
                raise NotLeading
            outcome = await self._api.perform(effect, namespace, account)
            text = "an isolation is over and its incident is gone: %s: %s %s"
            level = logging.INFO if outcome.result is Result.DONE else logging.WARNING
            log.log(level, text, effect.describe(), outcome.result, outcome.message, extra={"account": account})
        return 1

    async def _unlabel(self, namespace: str, account: str, operation: str) -> list[Effect]:
        if not operation:
            return []
        user = service_account_user(namespace, account)
        pods = await self._api.list(ListObjects(POD, namespace, f"{QUARANTINE_LABEL}={operation}"), user)
        patch = {"metadata": {"labels": {QUARANTINE_LABEL: None}}}
        return [MergePatch(ObjectRef.of(pod), pod["metadata"]["resourceVersion"], patch) for pod in pods]
