"""Which Pods `deletePods` takes: of the target's own Pods, by exactly one rule, never more than it may."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from paramedic.actions.contract import Context, Failed, Parameters, Skipped, Waiting
from paramedic.actions.nodes.choice import NodeName
from paramedic.model.objects import Object, condition, dig, labels
from paramedic.model.text import listing
from paramedic.model.times import parse_time
from paramedic.model.workloads import pod_ready, pod_trouble

#: How long a Pod that is not ready counts as one that only starts.
_STARTING = timedelta(seconds=20)
_Label = Annotated[str, StringConstraints(min_length=1, max_length=316)]
_Value = Annotated[str, StringConstraints(max_length=63)]


class DeletePodsParameters(Parameters):
    """Evicts Pods of the target, one at a time, the next only when the replacement of the one before is ready. Give
    exactly one of `selector`, `unready`, `oldest` and `node`. Nothing but the target's own Pods is ever taken, at most
    `most` of them, and which is fixed before the first goes. PodDisruptionBudgets are respected: the one in the way is
    named and waited for, or refused where it will never allow it. Fails where nothing matches; skipped where `unready`
    finds every Pod ready. Refused for a StatefulSet's Pod on a node that does not answer, and when deleting Pods twice
    within the last hour did not help. Asks for an approval where the last ready Pod would go. Stops when a replacement
    does not come up; if that is on the same node, the message proposes to cordon it. Cannot be undone: the evidence is
    in the Pods, so collect it before. Outputs: deleted, kept.
    """

    selector: dict[_Label, _Value] | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="Labels that a Pod must have, all of them, as in a Service's selector. An empty one is refused.",
    )
    unready: bool = Field(False, description="true: the Pods that are not ready, those aside that have just started.")
    oldest: int | None = Field(None, ge=1, le=100, description="The oldest ones, so many of them, within `most`.")
    node: NodeName | None = Field(None, description="The Pods on the node of this name.")
    most: int = Field(1, ge=1, le=100, description="How many Pods the step may take at most, whatever matches.")

    @model_validator(mode="after")
    def _has_one_rule(self) -> "DeletePodsParameters":
        given = [self.selector is not None, self.unready, self.oldest is not None, self.node is not None]
        if sum(given) != 1:
            raise ValueError("give exactly one of selector, unready: true, oldest and node")
        return self

    @property
    def rule(self) -> str:
        """What it asks of a Pod, for a person."""
        if self.selector is not None:
            return "with the labels " + listing([f"{key}={value}" for key, value in sorted(self.selector.items())])
        if self.oldest is not None:
            return "at all"
        return f"on node {self.node}" if self.node is not None else "that is not ready"


def choose(params: DeletePodsParameters, ctx: Context, pods: list[Object]) -> list[Object] | Failed | Skipped | Waiting:
    """All Pods that the rule means, those that are missed least first."""
    if not pods:
        return Failed(f"{ctx.target} has no running Pod that could be deleted", final=True)
    if params.unready:
        return _unready(ctx, pods)
    if params.oldest is not None:
        return sorted(pods, key=_age)[: params.oldest]
    found = [pod for pod in pods if _matches(params, pod)]
    if not found:
        text = f"{ctx.target} has no Pod {params.rule}, so none is deleted; its Pods are"
        return Failed(f"{text} {listing(names_of(pods))}", final=True)
    return sorted(found, key=lambda pod: (pod_ready(pod), *_age(pod)))


def _matches(params: DeletePodsParameters, pod: Object) -> bool:
    if params.selector is not None:
        return bool(params.selector) and params.selector.items() <= labels(pod).items()
    return bool(dig(pod, "spec", "nodeName") == params.node)


def _unready(ctx: Context, pods: list[Object]) -> list[Object] | Skipped | Waiting:
    unready = sorted((pod for pod in pods if not pod_ready(pod)), key=_age)
    if not unready:
        return Skipped(f"every Pod of {ctx.target} is ready, so none is deleted")
    starting = [pod for pod in unready if _is_starting(pod, ctx)]
    if len(starting) == len(unready):
        return Waiting(f"{listing(names_of(starting))} of {ctx.target} has just started; it may yet become ready")
    return [pod for pod in unready if pod not in starting]


def _is_starting(pod: Object, ctx: Context) -> bool:
    since = condition(pod, "Ready").get("lastTransitionTime") or dig(pod, "metadata", "creationTimestamp")
    return bool(since) and not pod_trouble(pod) and ctx.now - parse_time(since) < _STARTING


def _age(pod: Object) -> tuple[str, str]:
    return dig(pod, "metadata", "creationTimestamp", default=""), pod["metadata"]["name"]


def names_of(pods: list[Object]) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods]
