"""People's answers to waiting steps. An approval binds to the plan that it saw."""

import json

from paramedic.actions.contract import Answer
from paramedic.api.v1alpha1.incident import PLACEHOLDER
from paramedic.api.v1alpha1.incident_status import PlannedStep
from paramedic.engine.run import Run
from paramedic.model.text import listing

_SHORTEST_HASH = 8


class Rejected(Exception):
    """A person rejected the step. The text names them."""


def approved_by(run: Run, planned: PlannedStep) -> str:
    """Who approved this step of this very plan; empty if nobody did. Raises Rejected."""
    approver = ""
    for item in run.incident.spec.approvals:
        if item.step != planned.name:
            continue
        if item.decision == "Reject" and planned.action != "manual":
            raise Rejected(f"rejected by {item.by}" + (f": {item.note}" if item.note else ""))
        if item.decision == "Approve" and _binds(item.plan_hash or "", run.plan.hash):
            approver = item.by
    return approver


def overlooked(run: Run, planned: PlannedStep) -> str:
    """Says which approvals of this step do not count, since they saw another plan; empty if there are none."""
    found = [
        item.by
        for item in run.incident.spec.approvals
        if item.step == planned.name and item.decision == "Approve" and not _binds(item.plan_hash or "", run.plan.hash)
    ]
    if not found:
        return ""
    return f"; the approval of {listing(found)} does not count: its planHash is not that of this plan"


def binds(run: Run, step: str, answer: Answer) -> bool:
    """Whether an Approve saw the plan that is frozen."""
    return any(
        (item.step, item.by, item.decision) == (step, answer.by, "Approve")
        and _binds(item.plan_hash or "", run.plan.hash)
        for item in run.incident.spec.approvals
    )


def _binds(seen: str, plan_hash: str) -> bool:
    return len(seen) >= _SHORTEST_HASH and plan_hash.startswith(seen)


def approve_command(run: Run, step: str, decision: str) -> str:
    """The command that answers, ready to copy; the person puts their name in."""
    answer = {"step": step, "decision": decision, "by": PLACEHOLDER}
    if decision == "Approve":
        answer["planHash"] = run.plan.hash[:12]
    patch = json.dumps([{"op": "add", "path": "/spec/approvals/-", "value": answer}])
    return f"kubectl patch incident {run.name} -n {run.namespace} --type=json -p '{patch}'"
