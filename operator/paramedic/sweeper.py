"""Ends what is temporary and whose Incident is gone, whichever process leads: the policies of isolations and blocks, which
carry when they end and who may end them, and what `holds` tells of.
"""

import logging
from collections.abc import Callable

from paramedic.actions.effects import Delete, Effect, MergePatch, Result
from paramedic.actions.reads import ListObjects
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.cluster.refusals import explain_refusal
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.holds import CannotEnd, Holds
from paramedic.model.names import (
    ACCOUNT_ANNOTATION,
    EXPIRES_ANNOTATION,
    INCIDENT_LABEL,
    INCIDENT_UID_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    QUARANTINE_LABEL,
    service_account_user,
)
from paramedic.model.objects import Object, annotations, dig, labels
from paramedic.model.references import INCIDENT, NETWORK_POLICY, POD, ObjectRef
from paramedic.model.times import parse_time
from paramedic.pause import PauseSwitch
from paramedic.reconciler import NotLeading

log = logging.getLogger(__name__)


class Sweeper:
    """Looks for policies whose time is over. One that belongs to a living Incident is the engine's to undo.

    One that cannot be ended keeps no other from its end: the log says once why it stays and what a person can do, and
    the next sweep tries again.
    """

    def __init__(
        self, api: Api, clock: Clock, pause: PauseSwitch, namespace: str, leads: Callable[[], bool], holds: Holds
    ) -> None:
        """``holds`` are what has no object of its own that tells of it."""
        self._api, self._clock, self._namespace, self._leads = api, clock, namespace, leads
        self._holds = holds
        self._pause = pause
        self._told: dict[str, str] = {}  # why a policy stays, by its uid

    async def sweep(self) -> int:
        """How many were ended. Raises ApiError and Unavailable where they cannot be listed; NotLeading."""
        if await self._pause.ask():
            return 0
        question = ListObjects(NETWORK_POLICY, self._namespace, f"{MANAGED_BY_LABEL}={MANAGED_BY}", limit=5000)
        found = [policy for policy in await self._api.list(question) if INCIDENT_LABEL in labels(policy)]
        self._told = {uid: why for uid, why in self._told.items() if uid in {_uid(policy) for policy in found}}
        ended = 0
        for policy in found:
            ended += await self._end_if_over(policy)
        return ended + await self._holds.sweep()

    async def _end_if_over(self, policy: Object) -> bool:
        """Whether it was ended now. Raises NotLeading."""
        try:
            if not self._may_be_over(policy) or await self._has_incident(policy):
                return False
            await self._end(policy)
        except NotLeading:
            raise
        except (CannotEnd, ApiError, Unavailable) as error:
            self._tell(policy, str(error))
            return False
        except Exception as error:
            self._tell(policy, repr(error), error)
            return False
        return True

    def _may_be_over(self, policy: Object) -> bool:
        """Also where its end cannot be read: that is not to go unnoticed."""
        try:
            return parse_time(annotations(policy)[EXPIRES_ANNOTATION]) <= self._clock.now()
        except (KeyError, ValueError):
            return True

    async def _has_incident(self, policy: Object) -> bool:
        name, namespace = labels(policy)[INCIDENT_LABEL], policy["metadata"]["namespace"]
        incident = await self._api.get(ObjectRef.to(INCIDENT, namespace, name))
        return incident is not None and _uid(incident) == annotations(policy).get(INCIDENT_UID_ANNOTATION)

    async def _end(self, policy: Object) -> None:
        """Takes the label off a quarantined Pod, then deletes the policy. Raises CannotEnd, Unavailable, NotLeading.

        The policy is what tells that there is a label, so it goes last.
        """
        found = annotations(policy)
        try:
            parse_time(found.get(EXPIRES_ANNOTATION, ""))
        except ValueError:
            raise CannotEnd(f"its annotation {EXPIRES_ANNOTATION} does not say when it ends") from None
        if not (account := found.get(ACCOUNT_ANNOTATION)):
            raise CannotEnd(f"it has no annotation {ACCOUNT_ANNOTATION} that says which ServiceAccount may end it")
        namespace = policy["metadata"]["namespace"]
        for effect in [*await self._unlabel(policy, account), Delete(ObjectRef.of(policy))]:
            await self._do(effect, namespace, account)

    async def _unlabel(self, policy: Object, account: str) -> list[Effect]:
        operation = dig(policy, "spec", "podSelector", "matchLabels", QUARANTINE_LABEL)
        if not operation:
            return []
        namespace = policy["metadata"]["namespace"]
        user = service_account_user(namespace, account)
        try:
            pods = await self._api.list(ListObjects(POD, namespace, f"{QUARANTINE_LABEL}={operation}"), user)
        except ApiError as error:
            raise CannotEnd(explain_refusal(error, user)) from None
        patch = {"metadata": {"labels": {QUARANTINE_LABEL: None}}}
        return [MergePatch(ObjectRef.of(pod), pod["metadata"]["resourceVersion"], patch) for pod in pods]

    async def _do(self, effect: Effect, namespace: str, account: str) -> None:
        if not self._leads():
            raise NotLeading
        outcome = await self._api.perform(effect, namespace, account)
        if outcome.result is not Result.DONE:
            raise CannotEnd(outcome.message)
        log.info(
            "a policy's time is over and its incident is gone: %s: %s %s",
            effect.describe(), outcome.result, outcome.message, extra={"account": account},
        )  # fmt: skip

    def _tell(self, policy: Object, why: str, unforeseen: Exception | None = None) -> None:
        """Says it once, for as long as the reason stays the same: a sweep comes every few seconds."""
        if self._told.get(_uid(policy)) == why:
            return
        self._told[_uid(policy)] = why
        name, namespace = policy["metadata"]["name"], policy["metadata"]["namespace"]
        log.warning(
            "NetworkPolicy/%s in namespace %s, whose time is over and whose incident is gone, could not be ended and is tried"
            " again: %s; to end it by hand: %s",
            name, namespace, why, _by_hand(policy), exc_info=unforeseen,
        )  # fmt: skip


def _uid(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


def _by_hand(policy: Object) -> str:
    """What a person types who ends it."""
    name, namespace = policy["metadata"]["name"], policy["metadata"]["namespace"]
    commands = [f"kubectl delete networkpolicy {name} -n {namespace}"]
    if operation := dig(policy, "spec", "podSelector", "matchLabels", QUARANTINE_LABEL):
        commands.append(f"kubectl label pods -n {namespace} -l {QUARANTINE_LABEL}={operation} {QUARANTINE_LABEL}-")
    return " && ".join(commands)
