"""Incidents in the hands of the engine, as far along as a test needs them."""

from typing import Any

from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import Plan, PlannedRecovery, PlannedStep, StepStatus
from paramedic.engine.run import Run
from support.objects import incident
from unit.builders import INCIDENT_UID, NAMESPACE, NOW

HASH = "3f9a" + "0" * 60


def opened(**spec: Any) -> Incident:
    """An incident about the Deployment web."""
    body = incident("checkout-down", "web", "downtime", **spec)
    body["metadata"] |= {"namespace": NAMESPACE, "uid": INCIDENT_UID, "generation": 1}
    return Incident.model_validate(body)


def planned(*names: str, action: str = "rollback", **spec: Any) -> Run:
    """A run whose plan has these steps, none of them begun."""
    run = Run(opened(**spec), NOW)
    steps = [PlannedStep(name=name, phase="Remediate", action=action) for name in names]
    run.status.plan = Plan(
        hash=HASH,
        frozen_at="2026-11-24T02:59:00.000000Z",
        service_account_name="responder",
        target={"apiVersion": "apps/v1", "kind": "Deployment", "namespace": NAMESPACE, "name": "web", "uid": "uid-web"},
        steps=steps,
        recovery=PlannedRecovery(stable_for="30s", timeout="10m"),
    )
    run.status.phase = "Running"
    run.status.steps = [StepStatus(name=item.name, action=item.action, phase=item.phase) for item in steps]
    return run
