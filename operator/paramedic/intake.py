"""Alerts in, Incidents stored: exactly one for each fingerprint and beginning, whatever comes twice, late or at once.

The name of an Incident settles it: two receivers that create it at once find that one of them did. What is answered
stands in the API server first, so that Alertmanager sends again whatever is not stored.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from weakref import WeakValueDictionary

from paramedic.actions.reads import ListObjects
from paramedic.alerts.incidents import DIGESTS, Place, build_incident, incident_name, is_of, is_own
from paramedic.alerts.moments import in_order
from paramedic.alerts.payload import ReceivedAlert
from paramedic.cluster.api import Api
from paramedic.cluster.refusals import explain_refusal
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.engine.lifecycle import ENDED
from paramedic.engine.looking_back import only_looks_back
from paramedic.lookups import Lookups, Territory
from paramedic.model.objects import Object, dig
from paramedic.model.references import INCIDENT, ObjectRef
from paramedic.model.text import shorten

log = logging.getLogger(__name__)

Result = Literal["Created", "Exists", "Attached", "Reopened", "Resolved", "NothingToResolve", "Unavailable"]
_OPEN = ",".join(f"status.phase!={phase}" for phase in sorted(ENDED))
#: How often an alert is looked at anew because its Incident changed meanwhile.
_TRIES = 8


@dataclass(frozen=True)
class Settled:
    """What became of one alert. ``incident`` is namespace/name, empty where there is none."""

    fingerprint: str
    result: Result
    incident: str = ""
    error: str = ""


class _Changed(Exception):
    """The Incident changed between the look and the write."""


class Intake:
    """Stores alerts, a bounded number at a time for the whole process."""

    def __init__(
        self,
        api: Api,
        territory: Territory,
        stored: Callable[[Object], None] | None = None,
        *,
        side_by_side: int = 16,
    ) -> None:
        """``stored`` is told what was created here, before the watch shows it."""
        self._api, self._territory = api, territory
        self._lookups = Lookups(api, territory)
        self._stored = stored or (lambda created: None)
        self._slots = asyncio.Semaphore(side_by_side)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, alert: ReceivedAlert) -> Settled:
        """What became of the alert. Never raises: what is not stored is `Unavailable`, and the error says why."""
        # Alerts of one fingerprint wait for each other before they take a slot, in the order in which they came: the
        # second then sees the Incident of the first.
        turn = self._turns.setdefault(alert.fingerprint, asyncio.Lock())
        try:
            async with turn, self._slots:
                return await self._take(alert)
        except Unavailable as error:
            text = f"the API server does not answer: {error}"
        except ApiError as error:
            text = explain_refusal(error, "") if error.status == 403 else f"the API server refuses it: {error.message}"
        except Exception as error:
            # One alert that cannot be handled must not take the others of its request with it.
            log.exception("an alert could not be handled", extra={"fingerprint": alert.fingerprint})
            text = f"an error in the receiver ({type(error).__name__}); see its log"
        return Settled(alert.fingerprint, "Unavailable", error=shorten(text, 500))

    async def _take(self, alert: ReceivedAlert) -> Settled:
        for attempt in range(_TRIES):
            try:
                return await (self._fire(alert, recent=attempt == 0) if alert.firing else self._resolve(alert))
            except _Changed:
                continue
        return Settled(alert.fingerprint, "Unavailable", error="its Incident changes all the time; send it again")

    async def _fire(self, alert: ReceivedAlert, *, recent: bool) -> Settled:
        # ``recent`` may miss what another replica has stored within the last moments. The name of an Incident and the
        # resourceVersion of a write still settle it; then it is looked at as of now.
        found = await self._open_incident(alert, recent=recent)
        if found is None:
            return await self._create(alert)
        same, last = is_of(found, alert), _last_start(found)
        resolved = dig(found, "status", "alert", "state") == "Resolved"
        if in_order(alert.starts_at) < in_order(last) or not (resolved or in_order(alert.starts_at) > in_order(last)):
            return _settled(alert, "Exists" if same else "Attached", found)
        began = None if same else alert.starts_at
        await self._say(found, {"state": "Firing", "startsAt": began, "endsAt": None})
        return _settled(alert, "Reopened" if same else "Attached", found)

    async def _resolve(self, alert: ReceivedAlert) -> Settled:
        found = await self._open_incident(alert)
        if found is None or in_order(alert.starts_at) < in_order(_last_start(found)):
            return Settled(alert.fingerprint, "NothingToResolve")
        if dig(found, "status", "alert", "state") != "Resolved":
            began = None if is_of(found, alert) else alert.starts_at
            await self._say(found, {"state": "Resolved", "startsAt": began, "endsAt": alert.ends_at or None})
        return _settled(alert, "Resolved", found)

    async def _open_incident(self, alert: ReceivedAlert, *, recent: bool = False) -> Object | None:
        """The Incident of this fingerprint that has not ended: the alert's own, or else one that began at another time,
        since an alert that flaps is one trouble.
        """
        selector = f"spec.alert.fingerprint={alert.fingerprint},{_OPEN}"
        question = ListObjects(INCIDENT, self._territory.only, field_selector=selector, recent=recent)
        listed = await self._api.list(question)
        # In other namespaces, whoever may open incidents could take the alert for themselves.
        possible = self._territory.possible(alert)
        found = [
            item
            for item in listed
            if item["metadata"]["namespace"] in possible and dig(item, "spec", "mode") != "DryRun" and _last_start(item)
            if is_of(item, alert) or not only_looks_back(item)
        ]
        return max(found, key=lambda item: (is_of(item, alert), in_order(_last_start(item))), default=None)

    async def _say(self, incident: Object, state: Object) -> None:
        """Writes what the alert's state is by now. Raises _Changed."""
        try:
            await self._api.merge_status(
                ObjectRef.of(incident), {"alert": state}, incident["metadata"]["resourceVersion"]
            )
        except ApiError as error:
            if error.status in (404, 409):
                raise _Changed from None
            raise

    # --- a new one

    async def _create(self, alert: ReceivedAlert) -> Settled:
        default = self._territory.default
        others = [namespace for namespace in self._territory.possible(alert) if namespace != default]
        place, elsewhere = await asyncio.gather(
            self._lookups.place_of(alert), self._stored_in([default] if others else [], alert)
        )
        if elsewhere is None and place.namespace == default:
            elsewhere = await self._stored_in(others, alert)
        if elsewhere is not None:
            return _settled(alert, "Exists", elsewhere)
        try:
            return await self._create_at(alert, place)
        except ApiError as error:
            if place.namespace == default:
                raise
            # An alert is not lost for a quota, a policy or a missing right of one namespace.
            reason = f"namespace {place.namespace} does not take the incident: {error.message}"
            return await self._create_at(alert, self._lookups.moved(place, reason))

    async def _stored_in(self, namespaces: list[str], alert: ReceivedAlert) -> Object | None:
        """The alert's Incident, ended or not, in one of these: namespaces that it could have gone to as well, had they
        been there then, or not been there. Where it goes now, the create will find it.
        """
        for namespace in namespaces:
            found = await self._api.get(ObjectRef.to(INCIDENT, namespace, incident_name(alert)))
            if found is not None and is_of(found, alert):
                return found
        return None

    async def _create_at(self, alert: ReceivedAlert, place: Place) -> Settled:
        """Under the first of its names that no other object has."""
        own = is_own(alert, self._territory.home)
        for digits in DIGESTS:
            body = build_incident(alert, place, digits, own=own)
            name = body["metadata"]["name"]
            try:
                created = await self._api.create(INCIDENT, place.namespace, body)
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise
                found = await self._api.get(ObjectRef.to(INCIDENT, place.namespace, name))
                if found is None:
                    raise _Changed from None
                if is_of(found, alert):
                    return _settled(alert, "Exists", found)
                continue
            self._stored(created)
            settled = _settled(alert, "Created", body)
            log.info("opened for alert %s", alert.name, extra={"incident": settled.incident})
            return settled
        return Settled(
            alert.fingerprint,
            "Unavailable",
            error=f"incidents {incident_name(alert)} and {name} in namespace {place.namespace} are those of other alerts;"
            " delete them",
        )


def _last_start(incident: Object) -> str:
    """When the alert of an Incident last began to fire, as far as was heard; empty where nobody said."""
    found = dig(incident, "status", "alert", "startsAt") or dig(incident, "spec", "alert", "startsAt", default="")
    return str(found)


def _settled(alert: ReceivedAlert, result: Result, incident: Object) -> Settled:
    meta = incident["metadata"]
    return Settled(alert.fingerprint, result, f"{meta['namespace']}/{meta['name']}")
