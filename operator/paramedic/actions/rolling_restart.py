"""`rollingRestart`: replaces every Pod of the target, a few at a time, as `kubectl rollout restart` does."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from paramedic.actions import admission, rollouts
from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Intent,
    Observation,
    Parameters,
    Pending,
    Preparation,
)
from paramedic.actions.effects import MergePatch
from paramedic.actions.reads import Seen
from paramedic.actions.revisions import essence
from paramedic.actions.targets import carries, find_target, look_permissions, patch_permission
from paramedic.model.names import OPERATION_ANNOTATION, RESTARTED_ANNOTATION
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import CLAIM, POD, QUOTA
from paramedic.model.text import listing, plural
from paramedic.model.times import format_second
from paramedic.model.workloads import Workload, most_surge, most_unavailable

_MOST_FRUITLESS = 2


class RollingRestartParameters(Parameters):
    """Restarts the target's Pods a few at a time, within its own update strategy, and waits until every Pod is updated
    and available. Refused when the workload is paused, scaled to zero, OnDelete or partitioned, while another rollout
    fails, and when two restarts within the last hour did not help. Asks for an approval when the restart would take
    every Pod down at once, pull an image that may have changed, or mount a one-node volume twice. Cannot be undone.
    Write `rollingRestart: {}`.
    """

    allow_mutable_tags: bool = Field(
        False,
        description="Restart without asking although an image has the tag latest or none and is pulled each time, so"
        " that other code may come up.",
    )


class RollingRestart(Action[RollingRestartParameters]):
    name = "rollingRestart"
    phase = "Remediate"
    parameters = RollingRestartParameters
    remedy = True
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "rollingRestart: {}"

    def permissions(self, params: RollingRestartParameters, kind: str) -> frozenset[Permission]:
        return look_permissions(kind) | patch_permission(kind)

    def optional_permissions(self, params: RollingRestartParameters, kind: str) -> frozenset[Permission]:
        return frozenset({Permission.to("list", QUOTA), Permission.to("create", POD), Permission.to("get", CLAIM)})

    def prepare(self, params: RollingRestartParameters, ctx: Context, seen: Seen) -> Preparation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        if refused := rollouts.refusal(found, ctx):
            return refused
        if ctx.fruitless_restarts >= _MOST_FRUITLESS:
            return Failed(
                f"{ctx.target} was restarted {ctx.fruitless_restarts} times within the last hour and did not recover; a"
                " restart does not mend this, so a person must look",
                final=True,
            )
        if other := rollouts.rollout_by_others(found, ctx, seen):
            return other
        if refusal := _no_room(found, ctx, seen):
            return Failed(refusal, final=True)
        reasons = rollouts.approval_reasons(found, ctx, seen)
        mutable = [] if params.allow_mutable_tags else rollouts.mutable_images(found)
        if mutable:
            reasons.append(f"pulls {listing(mutable)} again, which may be other code by now")
        return _intent(ctx, found, f"restarting {ctx.target} {'; it '.join(reasons)}" if reasons else "")

    def observe(
        self, params: RollingRestartParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Observation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        template = found["spec"]["template"]
        restarted = dig(template, "metadata", "annotations", RESTARTED_ANNOTATION)
        if carries(found, *ctx.operations) or restarted == record["restartedAt"]:
            return rollouts.follow(found, ctx, seen)
        if essence(template) != record["template"]:
            return Failed(
                f"{ctx.target} got another Pod template before it was restarted; nothing was restarted", untouched=True
            )
        return Pending((_restart(ctx, found, record["restartedAt"]),))


def _no_room(found: Object, ctx: Context, seen: Seen) -> str:
    if not most_surge(found) or not admission.has_quota(ctx, seen):
        return ""
    refusal = admission.refusal(found, found["spec"]["template"], ctx, seen)
    return f"{ctx.target} has no room for a new Pod: {refusal}" if refusal else ""


def _intent(ctx: Context, found: Object, ask: str) -> Intent:
    view = Workload.of(found)
    down = most_unavailable(found)
    record = {"restartedAt": format_second(ctx.now), "template": essence(found["spec"]["template"])}
    message = f"restarting {ctx.target}: {plural(view.desired, 'Pod')} replaced, at most {down} down at a time"
    if (ctx.deadline - ctx.now).total_seconds() < view.progress_deadline and found["kind"] == "Deployment":
        message += (
            f" (the step's timeout is shorter than the workload's progress deadline of {view.progress_deadline} s)"
        )
    return Intent(record, message, ctx.target, ask=ask, change={"template": record["template"]})


def _restart(ctx: Context, found: Object, moment: str) -> MergePatch:
    patch = {
        "metadata": {"annotations": {OPERATION_ANNOTATION: ctx.operation_id}},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_ANNOTATION: moment}}}},
    }
    return MergePatch(ctx.target, found["metadata"]["resourceVersion"], patch)
