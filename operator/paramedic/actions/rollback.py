"""`rollback`: back to the revision before, the Pod template alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

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
    Skipped,
    Working,
)
from paramedic.actions.effects import Delete
from paramedic.actions.reads import Seen
from paramedic.actions.targets import (
    carries,
    find_target,
    last_template_writer,
    look_permissions,
    patch_permission,
    revision_permissions,
    undo_operation,
    written_by_us,
)
from paramedic.actions.workloads import admission, rollouts
from paramedic.actions.workloads.revisions import Revision, current_revision, essence, revisions_of
from paramedic.actions.workloads.rollback_choice import choose
from paramedic.actions.workloads.rollback_writes import left_revisions, restore_template, write_template
from paramedic.actions.workloads.template_references import missing_references
from paramedic.model.objects import Object
from paramedic.model.permissions import Permission
from paramedic.model.references import CLAIM, CONFIGMAP, POD, SECRET, SERVICE_ACCOUNT, ObjectRef
from paramedic.model.text import plural
from paramedic.model.workloads import Workload, images_of, most_unavailable


class RollbackParameters(Parameters):
    """Puts the Pod template of an earlier revision back: the newest one that differs by more than restarts, or
    `toRevision`. Labels, annotations, replicas and all else stay as they are, unlike `kubectl rollout undo`. Looked at
    first: what the old template names still exists, and its Pod would be admitted (a server-side dry run). When the
    first Pod of the old revision does not come up, the current template is put back and the step fails. Asks for an approval when
    it would take every Pod down at once, mount a one-node volume twice, or push others off a node. Asks for an approval when
    it would take every Pod down at once, mount a one-node volume twice, or push others off a node. Skipped when
    nothing is wrong; refused when there is no earlier revision or the workload is paused. Can be undone. Outputs:
    fromRevision, toRevision, newRevision, images. Write `rollback: {}`.
    """

    to_revision: int | None = Field(
        None, ge=1, description="The revision to go back to, as `kubectl rollout history` numbers them; else chosen."
    )
    when_healthy: Literal["Skip", "Proceed"] = Field(
        "Skip",
        description="What to do when every Pod is updated and available and no check of this run has failed. A"
        " toRevision is always gone back to.",
    )
    delete_blocking_pod: bool = Field(
        False,
        description="For a StatefulSet that waits for a broken Pod before it replaces it (kubernetes/kubernetes#67250):"
        " delete that one Pod. Otherwise the step says which Pod to delete.",
    )

    allow_preemption: bool = Field(
        False,
        description="Roll back without asking although its new Pods have a higher priority than others in the namespace,"
        " which the scheduler would push off a full node.",
    )


class Rollback(Action[RollbackParameters]):
    name = "rollback"
    phase = "Remediate"
    parameters = RollbackParameters
    remedy = True
    can_undo = True
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "rollback: {}"

    def permissions(self, params: RollbackParameters, kind: str) -> frozenset[Permission]:
        found = look_permissions(kind) | patch_permission(kind) | revision_permissions(kind)
        return found | ({Permission.to("delete", POD)} if params.delete_blocking_pod else set())

    def optional_permissions(self, params: RollbackParameters, kind: str) -> frozenset[Permission]:
        named = {Permission.to("get", item) for item in (CONFIGMAP, SECRET, SERVICE_ACCOUNT, CLAIM)}
        return frozenset(named | {Permission.to("create", POD)})

    def prepare(self, params: RollbackParameters, ctx: Context, seen: Seen) -> Preparation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        if refused := rollouts.refusal(found, ctx):
            return refused
        revisions = revisions_of(found, seen)
        now = current_revision(found, revisions)
        view = Workload.of(found)
        if view.whole and not ctx.failed_checks and params.when_healthy == "Skip" and params.to_revision is None:
            number = f" on revision {now.number}" if now else ""
            return Skipped(f"nothing to roll back: every Pod of {ctx.target} is{number} and available")
        chosen = choose(found, revisions, now, params.to_revision, ctx.target)
        if isinstance(chosen, Failed | Skipped):
            return chosen
        missing, unseen = missing_references(chosen.template, ctx.namespace, seen)
        if missing:
            text = f"revision {chosen.number} of {ctx.target} needs {', '.join(missing)}, which no longer exists"
            return Failed(f"{text}; create it again or name another revision in toRevision", final=True)
        if refusal := admission.refusal(found, chosen.template, ctx, seen, chosen.name):
            return Failed(f"a Pod of revision {chosen.number} would not be admitted: {refusal}", final=True)
        reasons = rollouts.approval_reasons(found, ctx, seen)
        if not params.allow_preemption and (pushed := admission.preemption(found, ctx, seen, chosen.name)):
            reasons.append(pushed)
        ask = f"rolling back {ctx.target} {'; it '.join(reasons)}" if reasons else ""
        return replace(_intent(ctx, found, now, chosen, unseen), ask=ask)

    def observe(self, params: RollbackParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        now = essence(found["spec"]["template"])
        if carries(found, *ctx.operations) and now == record["from"]["essence"]:
            return _reverted(ctx, record, found)
        if carries(found, *ctx.operations) or now == record["to"]["essence"]:
            return self._follow(params, ctx, record, found, seen)
        if now != record["from"]["essence"]:
            text = f"{ctx.target} got another Pod template before it was rolled back; nothing was changed"
            return Failed(text, untouched=True)
        revision = _kept(found, record["to"], seen)
        if revision is None:
            return Failed(f"revision {record['to']['revision']} of {ctx.target} was deleted meanwhile", final=True)
        return Pending((write_template(ctx, found, revision, record),))

    def _follow(
        self, params: RollbackParameters, ctx: Context, record: Mapping[str, Any], found: Object, seen: Seen
    ) -> Observation:
        followed = rollouts.follow(found, ctx, seen)
        if isinstance(followed, Finished):
            return _finished(ctx, record, found, seen)
        if isinstance(followed, Working) and params.delete_blocking_pod:
            pod = rollouts.blocking_pod(found, seen)
            return Pending((Delete(ObjectRef.of(pod)),), begun=True) if pod else followed
        return followed

    def undo(self, params: RollbackParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return Finished(f"nothing to undo: {found.message}")
        now = essence(found["spec"]["template"])
        if carries(found, undo_operation(ctx)) or now == record["from"]["essence"]:
            return Finished(f"put the template of revision {record['from']['revision']} of {ctx.target} back")
        if now != record["to"]["essence"] or not carries(found, *ctx.operations) or not written_by_us(found):
            return Finished(f"left as it is: the template of {ctx.target} was written by others since the rollback")
        revision = _kept(found, record["from"], seen)
        if revision is None:
            text = f"revision {record['from']['revision']} of {ctx.target} is gone, so it cannot be put back"
            return Failed(text, final=True)
        return Pending((restore_template(ctx, found, revision, record),))


def _intent(ctx: Context, found: Object, now: Revision | None, chosen: Revision, unseen: list[str]) -> Intent:
    current = {"revision": now.number if now else 0, "name": now.name if now else ""}
    record = {
        "from": current | {"essence": essence(found["spec"]["template"])},
        "to": {"revision": chosen.number, "name": chosen.name, "essence": chosen.essence},
        "left": left_revisions(found),
    }
    view = Workload.of(found)
    images = " ".join(images_of(chosen.template)[:3])
    message = (
        f"rolling {ctx.target} back from revision {current['revision']} to {chosen.number} ({images}):"
        f" {plural(view.desired, 'Pod')} replaced, at most {most_unavailable(found)} down at a time"
        f"{rollouts.deadline_warning(found, ctx)}"
    )
    if unseen:
        message += f"; not checked, since {ctx.account} may not read it: {', '.join(unseen)}"
    return Intent(record, message, ctx.target, change={"from": record["from"], "to": record["to"]})


def _finished(ctx: Context, record: Mapping[str, Any], found: Object, seen: Seen) -> Finished:
    new = current_revision(found, revisions_of(found, seen))
    outputs = {
        "fromRevision": record["from"]["revision"],
        "toRevision": record["to"]["revision"],
        "newRevision": new.number if new else 0,
        "images": images_of(found["spec"]["template"])[:5],
    }
    return Finished(
        f"{ctx.target} runs the template of revision {record['to']['revision']} again, as revision"
        f" {outputs['newRevision']}; {Workload.of(found).describe()}",
        outputs,
    )


def _reverted(ctx: Context, record: Mapping[str, Any], found: Object) -> Failed:
    who, _ = last_template_writer(found)
    return Failed(
        f"{ctx.target} was rolled back, but {who} put the template of revision {record['from']['revision']} of"
        f" {ctx.target} back since; change what {who} applies (for GitOps, the repository) first",
        final=True,
    )


def _kept(found: Object, wanted: Mapping[str, Any], seen: Seen) -> Revision | None:
    """The recorded revision, looked up again: by what it runs, since its number and object may have changed."""
    return next((item for item in revisions_of(found, seen) if item.essence == wanted["essence"]), None)
