"""Where an alert's Incident goes and what it is about: what its labels say, checked against what there is."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from paramedic.actions.reads import ListObjects
from paramedic.alerts.incidents import Place
from paramedic.alerts.payload import ReceivedAlert
from paramedic.alerts.targets import Candidate, candidates, is_namespace, namespace_label, selected_by
from paramedic.api.v1alpha1.incident import CLUSTER_KINDS
from paramedic.cluster.api import Api
from paramedic.cluster.refusals import explain_refusal
from paramedic.cluster.transport import ApiError
from paramedic.model.objects import Object, dig, labels
from paramedic.model.references import NAMESPACE, SERVICE, WORKLOADS, ObjectRef
from paramedic.model.text import listing, shorten

#: On a Namespace, with the value Deny: Incidents of its alerts go to the default namespace.
ALERTS_LABEL = "paramedic.dev/alerts"
_MOST = 5_000  # workloads of a namespace that a Service may select from


@dataclass(frozen=True)
class Territory:
    """Where Incidents may be. ``only`` is the one namespace that the operator works in, empty for all; ``home`` is its
    own; ``default`` takes the alerts that cannot go to a namespace of their own.
    """

    default: str
    only: str = ""
    home: str = ""

    def possible(self, alert: ReceivedAlert) -> tuple[str, ...]:
        """The namespaces that can hold this alert's Incident: what was true of a namespace then may differ now."""
        wanted = namespace_label(alert.labels)
        if self.only or not is_namespace(wanted):
            return (self.default,)
        return tuple(dict.fromkeys((wanted, self.default)))


class Lookups:
    """Asks as the operator itself, by name wherever it can. Every question is one of existence; nothing is changed."""

    def __init__(self, api: Api, territory: Territory) -> None:
        self._api, self._territory = api, territory

    async def place_of(self, alert: ReceivedAlert) -> Place:
        """Raises Unavailable; whatever else stands in the way becomes a reason."""
        wanted = namespace_label(alert.labels) or self._territory.default
        reason, (target, target_reason) = await asyncio.gather(
            self._against(wanted), self._target(alert.labels, wanted)
        )
        place = Place(wanted, "", target, target_reason)
        return self.moved(place, reason) if reason else place

    def moved(self, place: Place, reason: str) -> Place:
        """The same in the default namespace, where only a target without a namespace is within reach."""
        default = self._territory.default
        moved = replace(place, namespace=default, namespace_reason=reason)
        if (target := place.target) is None or target.kind in CLUSTER_KINDS:
            return moved
        text = f"{target} is in namespace {place.namespace}, and this incident had to go to {default}"
        return replace(moved, target=None, target_reason=text)

    async def _against(self, wanted: str) -> str:
        """Why an Incident cannot go to this namespace; empty if it can."""
        only = self._territory.only
        if wanted == self._territory.default:
            return ""
        if not is_namespace(wanted):
            return f"the alert's namespace {shorten(wanted, 80)!r} is no name that a namespace can have"
        if only:
            return f"the alert is about namespace {wanted}, and this operator works in {only} alone"
        try:
            namespace = await self._api.get(ObjectRef.to(NAMESPACE, "", wanted), recent=True)
        except ApiError:
            return ""  # creating the Incident will tell
        if namespace is None:
            return f"there is no namespace {wanted}"
        if dig(namespace, "metadata", "deletionTimestamp"):
            return f"namespace {wanted} is being deleted"
        if labels(namespace).get(ALERTS_LABEL) == "Deny":
            return f"namespace {wanted} takes no incidents of alerts (label {ALERTS_LABEL}: Deny)"
        return ""

    async def _target(self, texts: Mapping[str, str], namespace: str) -> tuple[ObjectRef | None, str]:
        """The first candidate that exists, or none and why."""
        tried: list[str] = []
        for candidate in candidates(texts, namespace):
            if not self._within_reach(candidate.ref):
                continue
            try:
                found = await self._behind(candidate)
            except ApiError as error:
                tried.append(explain_refusal(error, "") if error.status == 403 else f"{candidate}: {error.message}")
                continue
            if len(found) == 1:
                return found[0], ""
            if found:
                return None, f"{candidate} selects {listing([str(ref) for ref in found])}; a person must say which"
            service = candidate.ref.resource == SERVICE
            tried.append(f"{candidate} is not there" + (", or selects no workload" if service else ""))
        if not tried:
            return None, "no label of the alert names a workload, Pod, Service or Node that could be looked for"
        return None, f"in namespace {namespace}: {listing(tried, 6)}"

    def _within_reach(self, ref: ObjectRef) -> bool:
        if not ref.namespace:
            return True
        return is_namespace(ref.namespace) and self._territory.only in ("", ref.namespace)

    async def _behind(self, candidate: Candidate) -> list[ObjectRef]:
        """What a candidate leads to: itself where it exists, for a Service the workloads that it selects."""
        obj = await self._api.get(candidate.ref, recent=True)
        if obj is None:
            return []
        if candidate.ref.resource != SERVICE:
            return [candidate.ref]
        return selected_by(obj, await self._workloads_near(candidate.ref))

    async def _workloads_near(self, service: ObjectRef) -> list[Object]:
        """All workloads of the namespace; without the right to list them, those that are named as the Service is."""
        found: list[Object] = []
        for resource in WORKLOADS:
            try:
                found += await self._api.list(ListObjects(resource, service.namespace, limit=_MOST))
            except ApiError as error:
                if error.status != 403:
                    raise
                obj = await self._api.get(ObjectRef.to(resource, service.namespace, service.name))
                found += [obj] if obj else []
        return found
