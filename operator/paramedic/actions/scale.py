"""`scale`: more Pods, or fewer, or more nodes; with the autoscaler that owns the number, not against it."""

from collections.abc import Mapping
from typing import Any

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Pending,
    Preparation,
    Skipped,
    Working,
)
from paramedic.actions.diagnosis.containers import unscheduled
from paramedic.actions.reads import ListObjects, Seen
from paramedic.actions.scaling import fields as scale_fields
from paramedic.actions.scaling import nodes as scale_nodes
from paramedic.actions.scaling.room import no_room
from paramedic.actions.scaling.size import ScaleParameters, leap, wanted_size
from paramedic.actions.targets import (
    carries,
    find_target,
    look_permissions,
    patch_permission,
    pods_of,
    refuse_managed,
)
from paramedic.actions.workloads import admission, rollouts
from paramedic.model.objects import Object, condition, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import CLAIM, HPA, POD, QUOTA, ObjectRef
from paramedic.model.text import listing, plural
from paramedic.model.times import format_second
from paramedic.model.workloads import Workload, pod_trouble


class Scale(Action[ScaleParameters]):
    name = "scale"
    phase = "Remediate"
    parameters = ScaleParameters
    remedy = True
    can_undo = True
    kinds = ("Deployment", "StatefulSet")
    example = "scale: {by: 2, max: 10}"

    def works_on(self, params: ScaleParameters) -> tuple[str, ...]:
        return () if params.nodes else self.kinds

    def permissions(self, params: ScaleParameters, kind: str) -> frozenset[Permission]:
        if params.nodes:
            return scale_nodes.PERMISSIONS
        owned = {Permission.to(verb, HPA) for verb in ("list", "get", "patch")}
        return (look_permissions(kind) | patch_permission(kind) | owned) if kind in self.kinds else frozenset()

    def optional_permissions(self, params: ScaleParameters, kind: str) -> frozenset[Permission]:
        if params.nodes or kind not in self.kinds:
            return frozenset()
        return frozenset({Permission.to("list", QUOTA), Permission.to("create", POD), Permission.to("get", CLAIM)})

    def prepare(self, params: ScaleParameters, ctx: Context, seen: Seen) -> Preparation:
        if params.nodes:
            return scale_nodes.prepare(params.nodes, ctx, seen)
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        if refused := refuse_managed(found):
            return refused
        now = Workload.of(found).desired
        wanted = wanted_size(params, now, str(ctx.target))
        if isinstance(wanted, Failed):
            return wanted
        hpa = _autoscaler(found, ctx, seen)
        if isinstance(hpa, Failed):
            return hpa
        if not hpa and wanted == now:
            return Skipped(f"{ctx.target} is to have {plural(now, 'Pod')} already")
        if not hpa and wanted < now and not params.allow_scale_down:
            return _not_down(ctx, now, wanted)
        record = _by_autoscaler(params, hpa, now, wanted, ctx) if hpa else _directly(found, now, wanted)
        if not isinstance(record, Mapping):
            return record
        if wanted > now and (refusal := no_room(found, wanted - now, ctx, seen)):
            return Failed(f"{ctx.target} has no room for {plural(wanted - now, 'more Pod')}: {refusal}", final=True)
        text = _text(ctx, record)
        reasons = _approval_reasons(params, found, wanted, ctx, seen)
        ask = f"{text}; it {'; it '.join(reasons)}" if reasons else ""
        return Intent(record, text, ObjectRef.load(record["object"]), ask=ask)

    def observe(self, params: ScaleParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        ref = ObjectRef.load(record["object"])
        obj = seen.get(ref)
        if obj is None or obj["metadata"]["uid"] != ref.uid:
            return Failed(f"{ref} is gone since it was looked at; open a new incident", final=True)
        now = scale_fields.values_of(obj, record["wanted"])
        if carries(obj, *ctx.operations) or now == record["wanted"]:
            if changed := _changed_since(obj, now, record):
                return changed
            return scale_nodes.follow(obj, record) if params.nodes else _follow(ctx, record, seen)
        if now != record["before"]:
            who = scale_fields.writer_of(obj, now)
            text = f"{ref} was set to {scale_fields.described(now)} by {who} before it was scaled; nothing was changed"
            return Failed(text, untouched=True)
        return Pending((scale_fields.write(ref, obj, record["wanted"], ctx.operation_id),))

    def undo(self, params: ScaleParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        return scale_fields.put_back(ctx, record, seen)


def _autoscaler(found: Object, ctx: Context, seen: Seen) -> Object | Failed | None:
    """The HorizontalPodAutoscaler that owns the number of Pods."""
    listed = [item for item in seen.items(ListObjects(HPA, ctx.namespace)) if _scales(item, found)]
    if len(listed) > 1:
        names = listing([f"HorizontalPodAutoscaler/{item['metadata']['name']}" for item in listed])
        return Failed(f"{names} all scale {ctx.target} and undo each other; delete all but one", final=True)
    return refuse_managed(listed[0]) or listed[0] if listed else None


def _scales(hpa: Object, found: Object) -> bool:
    ref = dig(hpa, "spec", "scaleTargetRef", default={})
    group = str(ref.get("apiVersion") or "").rpartition("/")[0]
    return (ref.get("kind"), ref.get("name"), group) == (found["kind"], found["metadata"]["name"], "apps")


def _by_autoscaler(
    params: ScaleParameters, hpa: Object, now: int, wanted: int, ctx: Context
) -> Mapping[str, Any] | Failed | Skipped:
    ref, least, most = ObjectRef.of(hpa), dig(hpa, "spec", "minReplicas", default=1), hpa["spec"]["maxReplicas"]
    allows = f"{ref} allows {least}-{most} Pods of {ctx.target}"
    if not now:
        return Failed(
            f"{ctx.target} is scaled to zero, which switches {ref} off; a person did that: scale it up with: kubectl"
            f" scale {ctx.target.kubectl} --replicas={max(least, 1)}",
            final=True,
        )
    if now <= wanted <= least:
        return Skipped(f"{allows}, so it keeps at least {wanted} already")
    if wanted < least or (wanted > most and not params.raise_max_replicas):
        more = " or write raiseMaxReplicas: true" if wanted > most else ""
        return Failed(f"{allows}; {wanted} is outside: change the autoscaler{more}", final=True)
    if wanted < now:
        return Failed(f"{allows}, and takes Pods away itself once there is less to do", final=True)
    before = {"minReplicas": least} | ({"maxReplicas": most} if wanted > most else {})
    return {
        "object": ref.dump(), "before": before, "wanted": dict.fromkeys(before, wanted), "from": now, "to": wanted,
    }  # fmt: skip


def _directly(found: Object, now: int, wanted: int) -> Mapping[str, Any]:
    ref = ObjectRef.of(found)
    return {
        "object": ref.dump(), "before": {"replicas": now}, "wanted": {"replicas": wanted}, "from": now, "to": wanted,
    }  # fmt: skip


def _not_down(ctx: Context, now: int, wanted: int) -> Failed:
    return Failed(
        f"{ctx.target} is not scaled down from {now} to {wanted} while an incident is open: what looks idle may be"
        " waiting; write allowScaleDown: true to let a person approve it",
        final=True,
    )


def _text(ctx: Context, record: Mapping[str, Any]) -> str:
    text = f"scaling {ctx.target} from {record['from']} to {plural(record['to'], 'Pod')}"
    if "replicas" in record["wanted"]:
        return text
    before, wanted = (scale_fields.described(record[key]) for key in ("before", "wanted"))
    return f"{text} by {ObjectRef.load(record['object'])}: {before} becomes {wanted}"


def _approval_reasons(params: ScaleParameters, found: Object, wanted: int, ctx: Context, seen: Seen) -> list[str]:
    now = Workload.of(found).desired
    if wanted < now:
        return [f"takes {plural(now - wanted, 'Pod')} away while an incident is open"]
    reasons = [reason] if (reason := leap(now, wanted)) else []
    mutable = [] if params.allow_mutable_tags else rollouts.mutable_images(found)
    if mutable:
        reasons.append(f"pulls {listing(mutable)} again, which may be other code by now")
    if claims := rollouts.single_node_claims(found, ctx, seen):
        reasons.append(f"starts one more Pod on volume claim {claims[0]}, which only one node can mount")
    if not params.allow_preemption and (pushed := admission.preemption_by_more(found, ctx, seen)):
        reasons.append(pushed)
    return reasons


def _changed_since(obj: Object, now: Mapping[str, Any], record: Mapping[str, Any]) -> Finished | Failed | None:
    """The end of a step whose value somebody else has changed since: it is left alone."""
    if now == record["wanted"]:
        return None
    ref, who = ObjectRef.load(record["object"]), scale_fields.writer_of(obj, now)
    text = f"{ref} was set to {scale_fields.described(record['wanted'])}, but {who} has set it to"
    text += f" {scale_fields.described(now)} since, which is left alone"
    enough = all(int(now[name]) >= int(value) for name, value in record["wanted"].items())
    return Finished(text, _outputs(record)) if enough else Failed(text, _outputs(record), final=True)


def _outputs(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"from": record["from"], "to": record["to"], "object": str(ObjectRef.load(record["object"]))}


def _follow(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
    """Whether as many Pods as wanted are there and available. Failed as soon as a new one says it will not start."""
    found = find_target(ctx, seen)
    if isinstance(found, Failed):
        return found
    view, wanted = Workload.of(found), record["to"]
    if wanted < record["from"]:
        over = view.observed and view.current <= wanted
        text = f"{ctx.target} was scaled from {record['from']} to {plural(wanted, 'Pod')}"
        return Finished(text, _outputs(record)) if over else Working(f"{text}; {view.current} left", progressing=True)
    if view.observed and view.desired >= wanted and view.available >= wanted:
        text = f"{ctx.target} was scaled from {record['from']} to {wanted}: {plural(view.available, 'Pod')} available"
        return Finished(text, _outputs(record))
    pods = pods_of(found, seen)
    for pod in pods:
        began = dig(pod, "metadata", "creationTimestamp", default="")
        if began >= format_second(ctx.started_at) and (trouble := pod_trouble(pod)):
            text = f"{ctx.target}: new Pod {pod['metadata']['name']} does not come up: {trouble}"
            return Failed(text, _outputs(record), undo=True)
    text = f"{ctx.target}: {view.available} of {plural(wanted, 'Pod')} available"
    if held := _held_up(found, pods):
        return Working(f"{text}; {held}", stuck=True)
    young = (ctx.now - ctx.started_at).total_seconds() < view.progress_deadline
    return Working(text, progressing=young)


def _held_up(found: Object, pods: list[Object]) -> str:
    """What keeps Pods from being created or placed, in the words of the controller or the scheduler."""
    failure = condition(found, "ReplicaFailure")
    if failure.get("status") == "True":
        return f"its Pods cannot be created: {failure.get('message')}"
    refused = {pod["metadata"]["name"]: text for pod in pods if (text := unscheduled(pod))}
    if not refused:
        return ""
    why = next(iter(refused.values()))
    return f"{listing(list(refused), 3)} cannot be placed on a node: {why}"
