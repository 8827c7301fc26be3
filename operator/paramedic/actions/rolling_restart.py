"""`rollingRestart`: replaces every Pod of the target, a few at a time, as `kubectl rollout restart` does."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Parameters,
    Pending,
    Preparation,
)
from paramedic.actions.effects import MergePatch
from paramedic.actions.reads import Read, Seen
from paramedic.actions.targets import carries, find_target, look_permissions, patch_permission, undo_operation
from paramedic.actions.workloads import admission, rollouts
from paramedic.actions.workloads.revisions import essence
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
    every Pod down at once, pull an image that may have changed, mount a one-node volume twice, or push others off a node. Skipped when somebody
    else's rollout replaced every Pod while it waited. When a new Pod does not come up, the template of the Pods that
    serve is put back and the step fails. A complete one cannot be undone. Write `rollingRestart: {}`.
    """

    allow_mutable_tags: bool = Field(
        False,
        description="Restart without asking although an image has the tag latest or none and is pulled each time, so"
        " that other code may come up.",
    )

    allow_preemption: bool = Field(
        False,
        description="Restart without asking although its new Pods have a higher priority than others in the namespace,"
        " which the scheduler would push off a full node.",
    )


class RollingRestart(Action[RollingRestartParameters]):
    name = "rollingRestart"
    phase = "Remediate"
    parameters = RollingRestartParameters
    remedy = True
    reverts = True
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "rollingRestart: {}"

    def permissions(self, params: RollingRestartParameters, kind: str) -> frozenset[Permission]:
        return look_permissions(kind) | patch_permission(kind)

    def optional_permissions(self, params: RollingRestartParameters, kind: str) -> frozenset[Permission]:
        return frozenset({Permission.to("list", QUOTA), Permission.to("create", POD), Permission.to("get", CLAIM)})

    def foreseen(self, params: RollingRestartParameters, namespace: str) -> Iterable[Read]:
        return (admission.question_about_quotas(namespace),)

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
        if done := rollouts.replaced_meanwhile(found, ctx, seen):
            return done
        if refusal := _no_room(found, ctx, seen):
            return Failed(refusal, final=True)
        reasons = rollouts.approval_reasons(found, ctx, seen)
        mutable = [] if params.allow_mutable_tags else rollouts.mutable_images(found)
        if mutable:
            reasons.append(f"pulls {listing(mutable)} again, which may be other code by now")
        if not params.allow_preemption and (pushed := admission.preemption(found, ctx, seen)):
            reasons.append(pushed)
        return _intent(ctx, found, f"restarting {ctx.target} {'; it '.join(reasons)}" if reasons else "")

    def undo(
        self, params: RollingRestartParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Observation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return Finished(f"nothing to undo: {found.message}")
        template, moment = found["spec"]["template"], record["restartedAt"]
        if carries(found, undo_operation(ctx)):
            return Finished(f"the restart of {ctx.target} is taken back: its Pods keep the template that they had")
        same = essence(template) == record["template"]
        if same and _restarted_at(template) == record["before"]:
            return Finished(f"nothing to undo: {ctx.target} was not restarted")
        if not same or _restarted_at(template) != moment:
            return Finished(f"left as it is: the template of {ctx.target} was written by others since the restart")
        if Workload.of(found).whole:
            return Finished(f"the restart of {ctx.target} is complete, so there is nothing to take back")
        return Pending((_write(ctx, found, undo_operation(ctx), record["before"]),))

    def observe(
        self, params: RollingRestartParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Observation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        template = found["spec"]["template"]
        if carries(found, *ctx.operations) or _restarted_at(template) == record["restartedAt"]:
            return rollouts.follow(found, ctx, seen)
        if essence(template) != record["template"]:
            return Failed(
                f"{ctx.target} got another Pod template before it was restarted; nothing was restarted", untouched=True
            )
        return Pending((_write(ctx, found, ctx.operation_id, record["restartedAt"]),))


def _no_room(found: Object, ctx: Context, seen: Seen) -> str:
    if not most_surge(found) or not admission.has_quota(ctx, seen):
        return ""
    refusal = admission.refusal(found, found["spec"]["template"], ctx, seen)
    return f"{ctx.target} has no room for a new Pod: {refusal}" if refusal else ""


def _intent(ctx: Context, found: Object, ask: str) -> Intent:
    view = Workload.of(found)
    down = most_unavailable(found)
    template = found["spec"]["template"]
    record = {
        "restartedAt": format_second(ctx.now),
        "before": _restarted_at(template),
        "template": essence(template),
    }
    message = f"restarting {ctx.target}: {plural(view.desired, 'Pod')} replaced, at most {down} down at a time"
    message += rollouts.deadline_warning(found, ctx)
    return Intent(record, message, ctx.target, ask=ask, change={"template": record["template"]})


def _restarted_at(template: Object) -> str | None:
    found: str | None = dig(template, "metadata", "annotations", RESTARTED_ANNOTATION)
    return found


def _write(ctx: Context, found: Object, operation: str, moment: str | None) -> MergePatch:
    """Sets when the template was restarted, which makes it another one; or takes that back, where there was none."""
    patch = {
        "metadata": {"annotations": {OPERATION_ANNOTATION: operation}},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_ANNOTATION: moment}}}},
    }
    return MergePatch(ctx.target, found["metadata"]["resourceVersion"], patch)
