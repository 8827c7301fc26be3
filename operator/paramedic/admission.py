"""Looks whether the policies of manifests/admission are there, and says so when they are not.

They are what checks who opens, approves and cancels. Without them everything works, and anybody who may write Incidents
may approve them, under any name: nothing else would tell.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paramedic.clock import Clock
from paramedic.cluster.refusals import explain_refusal
from paramedic.cluster.transport import ApiError, Request, Transport, Unavailable
from paramedic.metrics import Metrics
from paramedic.model.objects import Object, dig
from paramedic.model.references import Resource
from paramedic.model.text import listing

log = logging.getLogger(__name__)

_VERSION = "admissionregistration.k8s.io/v1"
_LOOK_EVERY = 300.0  # seconds
_TRY_AGAIN_AFTER = 15.0  # seconds, when the API server did not answer
_SCOPES = ("namespaceSelector", "objectSelector", "resourceRules", "excludeResourceRules")
_INSTALL = "install them: kubectl apply -k manifests/admission"


@dataclass(frozen=True)
class Policy:
    """A policy and the binding of the same name that puts it in force."""

    kind: str
    name: str

    @property
    def resource(self) -> Resource:
        return _cluster_resource(self.kind, "policies")

    @property
    def binding(self) -> Resource:
        return _cluster_resource(self.kind + "Binding", "policybindings")


def _cluster_resource(kind: str, ending: str) -> Resource:
    stem = kind.removesuffix("Binding").removesuffix("Policy").lower()
    return Resource(_VERSION, kind, stem + ending, namespaced=False)


VALIDATING = tuple(
    Policy("ValidatingAdmissionPolicy", f"paramedic-{name}") for name in ("open", "respond", "approve", "playbooks")
)
#: Fills in spec.openedBy. Kubernetes before 1.36 does not have the kind.
OPENED_BY = Policy("MutatingAdmissionPolicy", "paramedic-opened-by")


@dataclass(frozen=True)
class Report:
    """What is wrong with the policies, in words; empty where all is well. ``limited``: in force only where the
    binding's selectors match, which is for whoever wrote them to judge.
    """

    unchecked: tuple[str, ...] = ()
    unfilled: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()

    @property
    def enforced(self) -> bool:
        return not self.unchecked


class AdmissionWatch:
    """Keeps the metric and the log true. What the policies refuse, the API server refuses; this one only looks."""

    def __init__(self, transport: Transport, clock: Clock, metrics: Metrics) -> None:
        self._transport, self._clock, self._metrics = transport, clock, metrics
        self._told: Report | str | None = None

    async def keep(self) -> None:
        """Looks again every few minutes: policies come, and go, while the operator runs."""
        while True:
            answered = await self.look()
            await self._clock.sleep(_LOOK_EVERY if answered else _TRY_AGAIN_AFTER)

    async def look(self) -> bool:
        """Looks once, and tells what is news. False when the API server did not answer."""
        try:
            report = await self._report()
        except Unavailable as error:
            log.info("the admission policies could not be looked at: %s", error)
            return False
        except ApiError as error:
            self._metrics.admission_enforced.set(0)
            self._tell_unseen(explain_refusal(error, "") if error.status == 403 else str(error))
            return True
        self._metrics.admission_enforced.set(report.enforced)
        if report != self._told:
            self._told = report
            _tell(report)
        return True

    def _tell_unseen(self, why: str) -> None:
        if why != self._told:
            self._told = why
            log.warning(
                "whether the API server checks who opens, approves and cancels is NOT KNOWN: %s "
                "(ClusterRole paramedic-admission in manifests/base)",
                why,
            )

    async def _report(self) -> Report:
        """Raises ApiError and Unavailable."""
        *checks, fill = await asyncio.gather(*(self._find(policy) for policy in (*VALIDATING, OPENED_BY)))
        return Report(
            unchecked=_chain(_faults(policy, *found) for policy, found in zip(VALIDATING, checks, strict=True)),
            unfilled=tuple(_faults(OPENED_BY, *fill)),
            limited=tuple(
                policy.name
                for policy, (_, binding) in zip((*VALIDATING, OPENED_BY), (*checks, fill), strict=True)
                if any(dig(binding or {}, "spec", "matchResources", scope) for scope in _SCOPES)
            ),
        )

    async def _find(self, policy: Policy) -> tuple[Object | None, Object | None]:
        found = await asyncio.gather(self._get(policy.resource, policy.name), self._get(policy.binding, policy.name))
        return found[0], found[1]

    async def _get(self, resource: Resource, name: str) -> Object | None:
        try:
            found: Any = await self._transport.send(Request("GET", resource.path(None, name)))
        except ApiError as error:
            if error.status == 404:  # also the answer for a kind that this server does not have
                return None
            raise
        return dict(found)


def _chain(parts: Iterable[list[str]]) -> tuple[str, ...]:
    return tuple(item for part in parts for item in part)


def _faults(policy: Policy, found: Object | None, binding: Object | None) -> list[str]:
    """Why this policy is not in force; empty if it is."""
    if found is None:
        return [f"there is no {policy.kind} {policy.name}"]
    faults = []
    if dig(found, "spec", "failurePolicy") == "Ignore":
        faults.append(f"{policy.kind} {policy.name} lets pass what it cannot decide (failurePolicy: Ignore)")
    if binding is None or dig(binding, "spec", "policyName") != policy.name:
        faults.append(f"there is no {policy.binding.kind} {policy.name} for it")
    elif policy in VALIDATING and "Deny" not in (dig(binding, "spec", "validationActions") or []):
        faults.append(f"{policy.binding.kind} {policy.name} does not deny (validationActions)")
    return faults


def _tell(report: Report) -> None:
    if report.unchecked:
        log.warning(
            "who opens, approves and cancels is NOT CHECKED: %s. Whoever may write Incidents may approve them under any "
            "name; %s",
            listing(list(report.unchecked)),
            _INSTALL,
        )
    elif report.unfilled:
        log.warning(
            "spec.openedBy is NOT FILLED IN: %s. An incident that does not say who opened it cannot be approved; %s "
            "(Kubernetes 1.36 or later)",
            listing(list(report.unfilled)),
            _INSTALL,
        )
    else:
        log.info("the API server checks who opens, approves and cancels")
    if report.enforced and report.limited:
        log.info("only where the matchResources of their bindings match: %s", listing(list(report.limited)))
