"""How many a step wants: a number, a step or a share of what there is, within a cap; and what speaks against it."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from paramedic.actions.contract import Failed, Parameters
from paramedic.model.text import plural

_WAYS = ("replicas", "by", "percent", "nodes")


class NodeGroup(Parameters):
    """Adds nodes to a group of nodes instead of Pods to the target: a MachineDeployment or MachinePool of Cluster API in
    the playbook's namespace. Where the cluster has none of that name, the step waits for a person who adds the nodes and
    answers Done.
    """

    pool: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="The name of the MachineDeployment or MachinePool; without Cluster API, what people call the group."
    )
    by: int = Field(1, ge=1, le=100, description="How many nodes more.")
    max: int = Field(ge=1, le=1000, description="How many nodes the group may have at most.")


class ScaleParameters(Parameters):
    """Changes how many Pods the target has. Exactly one of `replicas` (this many), `by` (so many more), `percent` (that
    share of the present number more, rounded up) or `nodes` (of a node group). A HorizontalPodAutoscaler is not fought:
    its minReplicas is raised, within what it allows. Asks for an approval when it more than doubles the number, starts
    what was scaled to zero, takes Pods away, pulls an image that may have changed, mounts a one-node volume twice, or
    may push others off a node. Refused when another controller manages the target, a quota has no room, and for fewer
    Pods while the incident is open, unless allowScaleDown is set. What somebody else sets meanwhile is left alone. When
    new Pods do not come up, the number before is put back and the step fails. Can be undone. Outputs: from, to, object.
    """

    replicas: int | None = Field(None, ge=0, le=10_000, description="How many Pods there are to be.")
    by: int | None = Field(None, ge=-1000, le=1000, description="How many Pods more; a negative number takes away.")
    percent: int | None = Field(
        None, ge=-99, le=1000, description="How many Pods more, in percent of the present number; 50 makes 3 of 2."
    )
    nodes: NodeGroup | None = Field(None, description="Scale a group of nodes, not the target.")
    max: int = Field(50, ge=1, le=10_000, description="How many Pods there may be at most, whatever else is said.")
    raise_max_replicas: bool = Field(
        False, description="Raise the maxReplicas of a HorizontalPodAutoscaler where it allows fewer, up to max."
    )
    allow_scale_down: bool = Field(
        False, description="Take Pods away although an incident is open, once a person has approved it."
    )
    allow_mutable_tags: bool = Field(
        False,
        description="Start more Pods without asking although an image has the tag latest or none and is pulled each"
        " time, so that other code may come up.",
    )
    allow_preemption: bool = Field(
        False,
        description="Start more Pods without asking although they have a higher priority than others in the namespace,"
        " which the scheduler would push off a full node.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        named = [name for name in _WAYS if getattr(self, name) is not None]
        if len(named) != 1:
            found = f"has {' and '.join(named)}" if named else "says no size"
            raise ValueError(f"it {found}; write exactly one of {', '.join(_WAYS)}")
        if self.by == 0 or self.percent == 0:
            raise ValueError(f"{named[0]}: 0 changes nothing; write how many more")
        if self.replicas is not None and self.replicas > self.max:
            raise ValueError(f"replicas {self.replicas} is more than max {self.max}; write a larger max if it is meant")
        return self


def wanted_size(params: ScaleParameters, now: int, target: str) -> int | Failed:
    """How many Pods are wanted where there are ``now``. A step never goes below one Pod, nor beyond the cap."""
    if params.replicas is not None:
        return params.replicas
    wanted = now + params.by if params.by is not None else -(-now * (100 + (params.percent or 0)) // 100)
    if wanted < now:
        return max(1, wanted)
    if not now and params.percent is not None:
        return Failed(f"{target} is scaled to zero, of which no percentage makes a Pod; write replicas", final=True)
    if now >= params.max:
        text = f"{target} has {plural(now, 'Pod')}, as many as this step may make it (max {params.max})"
        return Failed(f"{text}; find out why they are not enough, or raise max", final=True)
    return min(wanted, params.max)


def wanted_nodes(group: NodeGroup, now: int, ref: str) -> int | Failed:
    """How many nodes are wanted where the group has ``now``."""
    if now >= group.max:
        text = f"{ref} has {plural(now, 'node')}, as many as this step may make it (max {group.max})"
        return Failed(f"{text}; find out why they are not enough, or raise nodes.max", final=True)
    return min(now + group.by, group.max)


def leap(now: int, wanted: int) -> str:
    """Why the size of this step is for a person to judge; empty where it is not."""
    if not now and wanted:
        return "starts again what somebody has scaled to zero"
    return f"more than doubles it, from {now} to {wanted}" if wanted > 2 * now else ""
