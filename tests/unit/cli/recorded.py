"""Incidents as the API server holds them, one for each situation that somebody may look at."""

from datetime import timedelta
from typing import Any

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.screens.view import View
from paramedic.model.objects import Object
from paramedic.model.times import format_time
from unit.builders import NOW, with_status, workload

HASH = "3f9a27c1d0b4" + "0" * 52
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "checkout", "uid": "uid-checkout"}
WHERE = "-n shop"


def at(**ago: float) -> str:
    """A stored moment before now."""
    return format_time(NOW - timedelta(**ago))


def coming(**span: float) -> str:
    return format_time(NOW + timedelta(**span))


def step(name: str, state: str = "Pending", action: str = "workloadStatus", **more: Any) -> Object:
    return {"name": name, "action": action, "phase": "Assess", "state": state} | more


def done(name: str, message: str = "it is well", **more: Any) -> Object:
    return step(
        name, "Succeeded", startedAt=at(seconds=90), finishedAt=at(seconds=88), message=message, attempt=1, **more
    )


#: What the playbook of these incidents does.
STEPS = [
    done("verify", "answers 502"),
    done("scope"),
    step("rollback", action="rollback"),
    step("confirm"),
    step("resumeGitOps", action="manual"),
]


def plan(steps: list[Object], **more: Any) -> Object:
    return {
        "hash": HASH,
        "frozenAt": at(seconds=100),
        "serviceAccountName": "shop-responder",
        "target": TARGET,
        "steps": [{"name": item["name"], "phase": "Assess", "action": item["action"]} for item in steps],
        "recovery": {"stableFor": "30s", "timeout": "10m"},
    } | more


def incident(phase: str, message: str = "", steps: list[Object] | None = None, **status: Any) -> Object:
    """An incident about the Deployment checkout that began 100 s ago."""
    steps = STEPS if steps is None else steps
    spec = status.pop("spec", {})
    body: Object = {
        "phase": phase,
        "message": message,
        "severity": "Critical",
        "target": "Deployment/checkout",
        "times": {"startedAt": at(seconds=372), "detectedAt": at(seconds=100)},
        "playbook": {"name": "service-downtime", "generation": 7},
        "plan": plan(steps),
        "steps": steps,
        "progress": f"3/{len(steps)}",
    }
    return {
        "apiVersion": "paramedic.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": "checkout-down", "namespace": "shop", "uid": "u1", "creationTimestamp": at(seconds=100)},
        "spec": {
            "summary": "Checkout answers 502",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
            "playbookRef": {"name": "service-downtime"},
        }
        | spec,
        "status": body | status,
    }


def unseen(age: float = 5) -> Object:
    found = incident("Pending")
    del found["status"]
    found["metadata"]["creationTimestamp"] = at(seconds=age)
    return found


def with_step(changed: Object, steps: list[Object] | None = None) -> list[Object]:
    return [changed if item["name"] == changed["name"] else item for item in steps or STEPS]


ROLLING = step(
    "rollback", "Running", "rollback", attempt=1, startedAt=at(seconds=45), actedAt=at(seconds=40),
    deadline=coming(seconds=560), target="Deployment/checkout", intent={"from": 7},
    message="Deployment/checkout: 2 of 3 Pods updated, 1 available",
)  # fmt: skip
APPROVAL = step(
    "rollback", "Waiting", "rollback", attempt=1, startedAt=at(seconds=60), deadline=coming(minutes=2),
    target="Deployment/checkout", waitsFor="Approve", proposal="p1",
    message="rolling Deployment/checkout back from revision 7 to 5. Approve, or Reject, with: kubectl patch incident"
    " checkout-down -n shop --type=json -p '[{}]'",
)  # fmt: skip
MANUAL = step(
    "rollback", "Waiting", "manual", attempt=1, startedAt=at(hours=2), deadline=coming(hours=22), waitsFor="Done",
    message="Ask the provider. When it is done: kubectl patch incident checkout-down -n shop -p '[{}]'",
)  # fmt: skip
OTHERS = step(
    "rollback", "Waiting", "rollingRestart", attempt=1, startedAt=at(seconds=30), deadline=coming(minutes=9),
    waitsFor="Rollout", message="a rollout by kubectl began 40s ago and is not done",
)  # fmt: skip
AGAIN = step(
    "rollback", "Pending", "rollback", attempt=1, startedAt=at(seconds=20), notBefore=coming(seconds=12),
    message="attempt 1 of 2 failed, the next one in 15s: the API server did not answer",
)  # fmt: skip
BROKEN = step(
    "rollback", "Failed", "rollback", attempt=2, startedAt=at(seconds=80), finishedAt=at(seconds=20), intent={"from": 7},
    target="Deployment/checkout", message="new Pod does not come up: CrashLoopBackOff",
    undo={"state": "Failed", "reason": "it failed", "startedAt": at(seconds=15), "message": "revision 7 is gone"},
)  # fmt: skip
NOTIFICATIONS = [
    {
        "id": "1",
        "reason": "Escalation 1",
        "channel": "on-call",
        "state": "Failed",
        "at": at(seconds=50),
        "message": "410 Gone",
    },
    {"id": "2", "reason": "Escalation 1", "channel": "on-call", "state": "Sent", "at": at(seconds=30)},
    {
        "id": "3",
        "reason": "Update 1",
        "channel": "status-page",
        "state": "Unknown",
        "at": at(seconds=20),
        "message": "no answer",
    },
]
EVIDENCE = [
    {"name": name, "kind": kind, "sha256": "a" * 64, "bytes": 100, "ref": "Secret/evidence"}
    for name, kind in (("events.txt", "Events"), ("a.log", "Logs"), ("b.log", "Logs"))
]
LEVELS = {
    "policy": {"escalation": [{"after": "5m", "unless": "Acknowledged", "channel": "sre-lead", "message": "help"}]}
}
ACKNOWLEDGED = {"acknowledgement": {"by": "alice", "at": at(seconds=70)}, "acknowledgedBy": "alice"}

SITUATIONS: dict[str, Object] = {
    "unseen": unseen(),
    "unseen-for-long": unseen(90),
    "no-playbook": incident("Pending", "no playbook answers alert Strange in namespace shop", [], plan=None, playbook=None),
    "target-in-use": incident("Pending", "waiting for incident first, which works on Deployment/checkout", [], plan=None),
    "linked": incident("Pending", "", [], plan=None, linkedTo="checkout-first"),
    "running": incident("Running", f"rollback: {ROLLING['message']}", with_step(ROLLING), **ACKNOWLEDGED),
    "approval": incident("Waiting", "rollback: …", with_step(APPROVAL), plan=plan(STEPS, **LEVELS), notifications=NOTIFICATIONS),
    "manual": incident("Waiting", "rollback: …", with_step(MANUAL)),
    "rollout-of-others": incident("Running", "rollback: …", with_step(OTHERS)),
    "trying-again": incident("Running", "rollback: again", with_step(AGAIN)),
    "not-recovered": incident(
        "Monitoring", "steps done", [done(item["name"]) for item in STEPS],
        recovery={"startedAt": at(seconds=180), "message": "target: 1 of 3 Pods available"},
    ),
    "recovered": incident(
        "Monitoring", "steps done", [done(item["name"]) for item in STEPS],
        recovery={"startedAt": at(seconds=60), "healthySince": at(seconds=12), "message": "every check holds"},
        times={"startedAt": at(seconds=372), "detectedAt": at(seconds=100), "mitigatedAt": at(seconds=12)},
    ),
    "undoing": incident(
        "Running", "undoing", with_step(BROKEN | {"undo": {"state": "Running", "reason": "it failed", "startedAt": at(seconds=5)}}),
        ending={"phase": "Failed", "reason": "StepFailed", "message": "step rollback failed", "undo": ["rollback"]},
    ),
    "resolved": incident(
        "Resolved", "recovered: every check held for 30s", [done(item["name"]) for item in STEPS], progress="5/5",
        times={"startedAt": at(seconds=372), "mitigatedAt": at(seconds=72), "finishedAt": at(seconds=42)},
        evidence=EVIDENCE, **ACKNOWLEDGED,
    ),
    "failed": incident("Failed", "step rollback failed: new Pod does not come up", with_step(BROKEN)),
    "cancelled": incident("Cancelled", "cancelled by alice: false alarm", with_step(step("rollback", "Skipped", "rollback"))),
    "planned": incident("Planned", "dry run: 1 of 5 steps would act; nothing was changed", spec={"mode": "DryRun"}),
    "paused": incident("Running", "rollback: the operator was paused by bob; nothing is changed", with_step(ROLLING)),
    "thirty-steps": incident(
        "Running", f"step16: {ROLLING['message']}",
        [*(done(f"step{n}") for n in range(1, 16)), ROLLING | {"name": "step16"}, *(step(f"step{n}") for n in range(17, 31))],
        progress="16/30", notifications=NOTIFICATIONS, evidence=EVIDENCE,
    ),
}  # fmt: skip


def view(situation: str, *, flags: str = WHERE, available: int | None = None) -> View:
    target = None if available is None else with_status(workload(), availableReplicas=available)
    return View(Incident.model_validate(SITUATIONS[situation]), NOW, flags, target)
