"""`diagnose`: what is wrong with the target, which object and field are to blame, and what proves it?"""

from datetime import timedelta
from typing import Any

from pydantic import Field

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters, Waiting
from paramedic.actions.diagnosis.findings import Finding, printable
from paramedic.actions.diagnosis.looking import CLOSER, look
from paramedic.actions.diagnosis.verdict import Diagnosis, diagnose
from paramedic.actions.reads import Seen
from paramedic.actions.targets import find_target, look_permissions
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.permissions import Permission
from paramedic.model.text import shorten

_MESSAGE_LIMIT = 900
#: It answers at least this long before the step's deadline.
_MARGIN = timedelta(seconds=5)


class DiagnoseParameters(Parameters):
    """Looks at the target, its newest Pods, their events, logs and Nodes, and at the Services and network policies around
    them, and says what is wrong. It changes nothing, and finishes whatever it finds. Outputs: class, object, field,
    proof, message, others (up to five further findings) and unseen (what it may not look at). The class is ScaledToZero,
    NodeNotReady, QuotaExceeded, WebhookFailing, VolumeUnbound, Unschedulable, ConfigError, ImagePull, RolloutUnsafe,
    InitBlocked, OOMKilled, PortConflict, StaleSecret, DependencyUnreachable, ProbeFailure, CrashLoop, ServiceMismatch,
    NetworkPolicyBlocked, ConfigRegression, FinalizerStuck, Healthy or Unknown. Later steps ask for it, for example with
    `if: "steps.diagnose.outputs.class == 'ImagePull'"`. Healthy tells that every Pod is available and that nothing it
    looked at speaks against it; it calls nobody. Where the logs complain, it reads the ConfigMaps and Secrets that the
    target uses, and keeps names of keys and times, never a value. Write `diagnose: {}`.
    """

    patience: Duration = Field(
        "45s",
        description="How long it looks again while it finds nothing and things still move, such as Pods that have just"
        " started: many faults show in their second half-minute only. 0s: it answers at once.",
    )


class Diagnose(Action[DiagnoseParameters]):
    name = "diagnose"
    phase = "Diagnose"
    parameters = DiagnoseParameters
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "diagnose: {}"

    def permissions(self, params: DiagnoseParameters, kind: str) -> frozenset[Permission]:
        return look_permissions(kind)

    def optional_permissions(self, params: DiagnoseParameters, kind: str) -> frozenset[Permission]:
        return CLOSER

    def prepare(self, params: DiagnoseParameters, ctx: Context, seen: Seen) -> Finished | Failed | Waiting:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        answer = diagnose(look(found, ctx, seen))
        if answer.settling and _may_wait(parse_duration(params.patience), ctx):
            return Waiting(
                f"nothing explains it yet, and {answer.settling}: it looks again for up to {params.patience}"
            )
        return _finished(answer)


def _may_wait(patience: timedelta, ctx: Context) -> bool:
    """Whether it may look again: not in a preview, and not so long that the step would run out of time."""
    return not ctx.foreseeing and ctx.now < min(ctx.started_at + patience, ctx.deadline - _MARGIN)


def _finished(answer: Diagnosis) -> Finished:
    first = answer.first
    message = f"{first.kind}: {first.message}"
    if answer.unseen:
        message += f" (not looked at: {printable(answer.unseen)})"
    outputs = _as_output(first) | {
        "message": first.message,
        "others": [_as_output(item) for item in answer.others],
        "unseen": printable(answer.unseen),
    }
    return Finished(shorten(message, _MESSAGE_LIMIT), outputs)


def _as_output(finding: Finding) -> dict[str, Any]:
    return {"class": finding.kind, "object": finding.object, "field": finding.field, "proof": finding.proof}
