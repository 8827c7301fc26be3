"""Restarting those who hold a Secret's values, one after the other, and once more where the values before came back."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from paramedic.actions.contract import Context, Failed, Finished, Pending, Waiting, Working
from paramedic.actions.effects import MergePatch
from paramedic.actions.reads import Seen
from paramedic.actions.targets import carries, undo_operation
from paramedic.actions.workloads import admission, rollouts
from paramedic.model.names import OPERATION_ANNOTATION, RESTARTED_ANNOTATION
from paramedic.model.objects import Object, dig
from paramedic.model.references import ObjectRef
from paramedic.model.times import format_time
from paramedic.model.workloads import Workload, most_surge

MOST = 20


def as_record(workload: Object) -> dict[str, Any]:
    """What must be known of a consumer to restart it, and to take that back."""
    ref = ObjectRef.of(workload)
    return {
        "apiVersion": ref.api_version, "kind": ref.kind, "name": ref.name, "uid": ref.uid,
        "before": _restarted_at(workload),
    }  # fmt: skip


def names_of(record: Mapping[str, Any]) -> list[str]:
    return [f"{item['kind']}/{item['name']}" for item in record["consumers"]]


def hindrance(workload: Object, ctx: Context, seen: Seen) -> Failed | Waiting | None:
    """Why a consumer cannot be restarted, or not yet."""
    here = replace(ctx, target=ObjectRef.of(workload))
    if found := rollouts.refusal(workload, here) or rollouts.rollout_by_others(workload, here, seen):
        return found
    if not most_surge(workload) or not admission.has_quota(here, seen):
        return None
    refusal = admission.refusal(workload, workload["spec"]["template"], here, seen)
    return Failed(f"{here.target} has no room for a new Pod: {refusal}", final=True) if refusal else None


def dangers(workload: Object, ctx: Context, seen: Seen) -> list[str]:
    """What makes restarting a consumer dangerous enough to ask a person."""
    here = replace(ctx, target=ObjectRef.of(workload))
    reasons = rollouts.approval_reasons(workload, here, seen)
    mutable = rollouts.mutable_images(workload)
    if mutable:
        reasons.append(f"pulls {mutable[0]} again, which may be other code by now")
    return [f"restarting {here.target} {reason}" for reason in reasons]


def next_restart(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Pending | Working | Failed | None:
    """The restart that comes next, or how the one under way goes. None: every consumer has started anew."""
    for ref, _, found in _present(ctx, record, seen):
        if not _is_restarted(found, record):
            return Pending((_write(ref, found, record["operation"], record["restartedAt"]),), begun=True)
        if (answer := _follow(ctx, ref, found, seen)) is not None:
            return answer
    return None


def is_begun(ctx: Context, record: Mapping[str, Any], seen: Seen) -> bool:
    """Whether a consumer was restarted already."""
    return any(_is_restarted(found, record) for _, _, found in _present(ctx, record, seen))


def next_return(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Pending | Working | Failed | None:
    """The same on the way back, for those that were restarted. What is half-way goes back to the Pods that it had."""
    for ref, consumer, found in _present(ctx, record, seen):
        if carries(found, undo_operation(ctx)):
            if (answer := _follow(ctx, ref, found, seen)) is not None:
                return answer
        elif _is_restarted(found, record):
            complete = Workload.of(found).whole
            # Written to the microsecond, it is another value than that of a restart within the same second.
            moment = format_time(ctx.now) if complete else consumer["before"]
            return Pending((_write(ref, found, undo_operation(ctx), moment),))
    return None


def _present(
    ctx: Context, record: Mapping[str, Any], seen: Seen
) -> Iterator[tuple[ObjectRef, Mapping[str, Any], Object]]:
    """The consumers that are still there. One that was created again has started with the present values."""
    for consumer in record["consumers"]:
        ref = ObjectRef.load({**consumer, "namespace": ctx.namespace})
        found = seen.get(ref)
        if found is not None and found["metadata"]["uid"] == ref.uid:
            yield ref, consumer, found


def _is_restarted(found: Object, record: Mapping[str, Any]) -> bool:
    return carries(found, record["operation"]) or _restarted_at(found) == record["restartedAt"]


def _follow(ctx: Context, ref: ObjectRef, found: Object, seen: Seen) -> Working | Failed | None:
    """How its rollout goes; None once it is complete."""
    if not Workload.of(found).desired:
        return None  # scaled to zero meanwhile: whatever starts later has the present values
    answer = rollouts.follow(found, replace(ctx, target=ref), seen)
    return None if isinstance(answer, Finished) else answer


def _restarted_at(workload: Object) -> str | None:
    found: str | None = dig(workload, "spec", "template", "metadata", "annotations", RESTARTED_ANNOTATION)
    return found


def _write(ref: ObjectRef, found: Object, operation: str, moment: str | None) -> MergePatch:
    patch = {
        "metadata": {"annotations": {OPERATION_ANNOTATION: operation}},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_ANNOTATION: moment}}}},
    }
    return MergePatch(ref, found["metadata"]["resourceVersion"], patch)
