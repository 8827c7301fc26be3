"""`isolate`: cuts the target off the network, for a time."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints

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
from paramedic.actions.effects import Create, Effect, MergePatch
from paramedic.actions.policies.isolation import (
    POLICY_PERMISSIONS,
    beyond_policies,
    build_policy,
    lift_policy,
    policies_that_deny_egress,
    policies_that_still_allow,
    policy_ref,
)
from paramedic.actions.reads import ListObjects, Seen
from paramedic.actions.targets import counted_pods, find_target, look_permissions
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.names import QUARANTINE_LABEL, child_name
from paramedic.model.objects import Object, dig, labels
from paramedic.model.permissions import Permission
from paramedic.model.references import NETWORK_POLICY, POD, ObjectRef
from paramedic.model.text import listing, plural
from paramedic.model.times import format_time
from paramedic.model.workloads import pod_ready


class IsolateParameters(Parameters):
    """Denies all traffic, in both directions, to and from the target's Pods, or one quarantined Pod, by a
    NetworkPolicy that ends after `ttl` even when the incident is deleted. Policies add up: what another policy allows
    stays allowed, and the outputs name it. Nothing that is denied now becomes allowed: the DNS rule is left out where
    another policy denies egress. Whether policies are enforced depends on the cluster's network plugin; nothing proves
    it here. Refused for Pods on the host network and for the last ready Pod. Can be undone. Outputs: policy, pods,
    dns, stillAllowedBy.
    """

    pod: Annotated[str, StringConstraints(max_length=253)] | None = Field(
        None,
        description="Quarantine this one Pod of the target instead of all of them; it gets a label that the policy"
        " selects. An incident whose target is a Pod quarantines that Pod.",
    )
    allow_dns: bool = Field(False, alias="allowDNS", description="Leave DNS (port 53 to kube-system) open.")
    ttl: Duration = Field("1h", description="When the isolation ends by itself, counted from its start.")


class Isolate(Action[IsolateParameters]):
    name = "isolate"
    phase = "Contain"
    parameters = IsolateParameters
    remedy = True
    can_undo = True
    timeout = timedelta(minutes=2)
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "isolate: {ttl: 1h, allowDNS: true}"

    def permissions(self, params: IsolateParameters, kind: str) -> frozenset[Permission]:
        return look_permissions(kind) | POLICY_PERMISSIONS | (self.pod_permissions(params) if params.pod else set())

    def pod_permissions(self, params: IsolateParameters) -> frozenset[Permission]:
        return frozenset({Permission.to(verb, POD) for verb in ("get", "patch")})

    def prepare(self, params: IsolateParameters, ctx: Context, seen: Seen) -> Preparation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        pods = counted_pods(found, seen)
        chosen = _chosen(params, ctx, pods)
        if isinstance(chosen, Failed):
            return chosen
        if refused := beyond_policies(chosen):
            return refused
        policies = seen.items(ListObjects(NETWORK_POLICY, ctx.namespace))
        pod_labels = [labels(pod) for pod in chosen]
        dns = params.allow_dns and not policies_that_deny_egress(policies, pod_labels)
        allowing = policies_that_still_allow(policies, pod_labels)
        record = {
            "operation": ctx.operation_id,  # what policy and Pod carry, whichever attempt writes them
            "policy": child_name(ctx.incident, ctx.step, ctx.operation_id),
            "selector": dig(found, "spec", "selector"),
            "pod": chosen[0]["metadata"]["name"] if _pod_name(params, ctx) else "",
            "podUID": chosen[0]["metadata"]["uid"] if _pod_name(params, ctx) else "",
            "dns": dns,
            "until": format_time(ctx.now + parse_duration(params.ttl)),
            "pods": len(chosen),
            "stillAllowedBy": allowing[:10],
        }
        change = {key: record[key] for key in ("selector", "podUID", "dns", "stillAllowedBy")}
        until = ctx.now + parse_duration(params.ttl)
        return Intent(record, _message(params, ctx, record), ctx.target, expires_at=until, change=change)

    def observe(self, params: IsolateParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        effects: list[Effect] = []
        if seen.get(policy_ref(ctx, record)) is None:
            effects.append(Create(build_policy(ctx, record)))
        if record["pod"]:
            pod = _quarantined(ctx, record, seen)
            if isinstance(pod, Failed):
                return pod
            if labels(pod).get(QUARANTINE_LABEL) != record["operation"]:
                patch = {"metadata": {"labels": {QUARANTINE_LABEL: record["operation"]}}}
                effects.append(MergePatch(_pod_ref(ctx, record), pod["metadata"]["resourceVersion"], patch))
        outputs = {key: record[key] for key in ("policy", "pods", "dns", "stillAllowedBy")}
        done = Finished(_done_message(ctx, record), outputs)
        return Pending(tuple(effects), done=done, existed=done) if effects else done

    def undo(self, params: IsolateParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        effects: list[Effect] = []
        if record["pod"]:
            pod = _quarantined(ctx, record, seen)
            if not isinstance(pod, Failed) and labels(pod).get(QUARANTINE_LABEL) == record["operation"]:
                patch = {"metadata": {"labels": {QUARANTINE_LABEL: None}}}
                effects.append(MergePatch(_pod_ref(ctx, record), pod["metadata"]["resourceVersion"], patch))
        # The policy goes last: it tells the sweeper of the label, should the Incident be deleted in between.
        effects += lift_policy(ctx, record, seen)
        done = Finished(f"the isolation of {_who(ctx, record)} is lifted: NetworkPolicy/{record['policy']} is deleted")
        return Pending(tuple(effects), done=done) if effects else done


def _pod_name(params: IsolateParameters, ctx: Context) -> str:
    return params.pod or (ctx.pod.name if ctx.pod else "")


def _chosen(params: IsolateParameters, ctx: Context, pods: list[Object]) -> list[Object] | Failed:
    name = _pod_name(params, ctx)
    if not name:
        return pods or Failed(f"{ctx.target} has no Pod that could be isolated", final=True)
    found = [pod for pod in pods if pod["metadata"]["name"] == name]
    if not found:
        return Failed(f"Pod/{name} is not a running Pod of {ctx.target}", final=True)
    if ctx.pod and ctx.pod.name == name and ctx.pod.uid != found[0]["metadata"]["uid"]:
        # The Pods of a StatefulSet are named alike; what the incident saw is not what its successor does.
        return Failed(
            f"Pod/{name} that this incident is about is gone, and another Pod of {ctx.target} has its name; that one"
            " is left alone: open a new incident if it is to be isolated",
            final=True,
        )
    if pod_ready(found[0]) and sum(pod_ready(pod) for pod in pods) == 1:
        return Failed(
            f"Pod/{name} is the last ready Pod of {ctx.target}: isolating it would take the service down; scale up"
            " first, or isolate the whole target",
            final=True,
        )
    return found


def _pod_ref(ctx: Context, record: Mapping[str, Any]) -> ObjectRef:
    return ObjectRef.to(POD, ctx.namespace, record["pod"], record["podUID"])


def _quarantined(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Object | Failed:
    pod = seen.get(ObjectRef.to(POD, ctx.namespace, record["pod"]))
    if pod is None or pod["metadata"]["uid"] != record["podUID"]:
        return Failed(f"Pod/{record['pod']} is gone", final=True)
    return pod


def _who(ctx: Context, record: Mapping[str, Any]) -> str:
    return f"Pod/{record['pod']}" if record["pod"] else f"{ctx.target} ({plural(record['pods'], 'Pod')})"


def _message(params: IsolateParameters, ctx: Context, record: Mapping[str, Any]) -> str:
    left = "DNS" if record["dns"] else "nothing"
    text = f"isolating {_who(ctx, record)} until {record['until'][:19]}Z, {left} left open"
    if params.allow_dns and not record["dns"]:
        text += "; DNS is not opened, because another policy denies egress and policies only add up"
    return text


def _done_message(ctx: Context, record: Mapping[str, Any]) -> str:
    text = f"NetworkPolicy/{record['policy']} isolates {_who(ctx, record)} until {record['until'][:19]}Z"
    if record["stillAllowedBy"]:
        text += f"; still allowed by other policies: {listing(list(record['stillAllowedBy']))}"
    return text + "; it is stored, and enforced only if the cluster's network plugin enforces policies"
