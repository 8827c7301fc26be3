"""`diagnose`: what is wrong with the target, which object and field are to blame, and what proves it?"""

from typing import Any

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters
from paramedic.actions.diagnosis.findings import Finding, printable
from paramedic.actions.diagnosis.looking import CLOSER, look
from paramedic.actions.diagnosis.verdict import diagnose
from paramedic.actions.reads import Seen
from paramedic.actions.targets import find_target, look_permissions
from paramedic.model.permissions import Permission
from paramedic.model.text import shorten

_MESSAGE_LIMIT = 900


class DiagnoseParameters(Parameters):
    """Looks at the target, its newest Pods, their events, logs and Nodes, and at the Services and network policies around
    them, and says what is wrong. It changes nothing, and finishes whatever it finds. Outputs: class, object, field,
    proof, message, others (up to five further findings) and unseen (what it may not look at). The class is ImagePull,
    ConfigError, CrashLoop, ProbeFailure, OOMKilled, Unschedulable, QuotaExceeded, NodeNotReady, ServiceMismatch,
    ScaledToZero, NetworkPolicyBlocked, Healthy or Unknown. Later steps ask for it, for example with
    `if: "steps.diagnose.outputs.class == 'ImagePull'"`. Of Secrets that a Pod misses it keeps the names of the keys.
    Write `diagnose: {}`.
    """


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

    def prepare(self, params: DiagnoseParameters, ctx: Context, seen: Seen) -> Finished | Failed:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        answer = diagnose(look(found, ctx, seen))
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
