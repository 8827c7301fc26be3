"""Which node a step is about, and why it must not be taken out of service."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from paramedic.actions.contract import Context, Failed, Skipped, Waiting
from paramedic.actions.reads import ListObjects, Seen
from paramedic.model.names import CORDON_CLAIM_ANNOTATION, CORDONED_BY_ANNOTATION, FIELD_MANAGER
from paramedic.model.nodes import NodeView, complains, control_plane_label, platform_mark, ready_since, zone_of
from paramedic.model.objects import Object, annotations, dig
from paramedic.model.references import NODE, ObjectRef
from paramedic.model.text import plural
from paramedic.model.times import format_second, parse_time
from paramedic.model.workloads import share

#: A node by its name, as a parameter.
NodeName = Annotated[str, StringConstraints(min_length=1, max_length=253)]
#: Of the nodes that take Pods, how many may be cordoned by paramedic at a time; one at least.
MOST_CORDONED = "10%"
#: From how many of them on that are not Ready it is no matter of single nodes any more; one may always be.
STORM = "25%"
#: How long a node that is Ready again still counts as one that is not: nodes come back from a storm one by one.
COOL_DOWN = timedelta(minutes=1)
_LIMIT = 5_000


def question_about_nodes(*, recent: bool = False) -> ListObjects:
    """All nodes. ``recent``: as the API server has them at hand, which is enough to tell that it is not the time yet;
    incidents that wait for their turn ask every few seconds.
    """
    return ListObjects(NODE, "", limit=_LIMIT, recent=recent)


def find_node(named: str | None, ctx: Context, seen: Seen) -> Object | Failed:
    """The node that the parameter names, that is the target, or that the incident's Pod is bound to."""
    name = _name(named, ctx, seen)
    if isinstance(name, Failed):
        return name
    found = seen.get(ObjectRef.to(NODE, "", name))
    if found is None:
        return Failed(f"there is no Node/{name}; see which there are: kubectl get nodes", final=True)
    if ctx.target.kind == NODE.kind and found["metadata"]["uid"] != ctx.target.uid:
        return Failed(
            f"{ctx.target} was deleted and registered again since this incident began; open a new incident for it",
            final=True,
        )
    return found


def _name(named: str | None, ctx: Context, seen: Seen) -> str | Failed:
    if ctx.target.kind == NODE.kind:
        if named and named != ctx.target.name:
            text = f"the step names Node/{named}, but the incident is about {ctx.target}; leave the parameter node out"
            return Failed(text, final=True)
        return ctx.target.name
    if named:
        return named
    if ctx.pod is None:
        text = f"it is not said which node: {ctx.target} may run on several"
        return Failed(f"{text}; name one in the parameter node, or open the incident for the Node", final=True)
    pod = seen.get(ctx.pod)
    if pod is None or pod["metadata"]["uid"] != ctx.pod.uid:
        return Failed(f"{ctx.pod} that this incident is about is gone, so its node is not known", final=True)
    bound: str | None = dig(pod, "spec", "nodeName")
    return bound or Failed(f"{ctx.pod} is bound to no node", final=True)


def refusal(node: Object, nodes: list[Object], ctx: Context) -> Failed | Skipped | None:
    """Why this node must not be cordoned, whatever else is cordoned. It is asked again right before the effect."""
    ref = ObjectRef.of(node)
    if label := control_plane_label(node):
        text = f"{ref} has the label {label}: the cluster itself runs on it, so playbooks leave it alone"
        return Failed(f"{text}; a person may: kubectl cordon {ref.name}", final=True)
    if mark := platform_mark(node):
        text = f"the platform removes or updates {ref} already ({mark}), so it is left to the platform"
        return Failed(text, final=True)
    if _recovered(node, ctx.began_at):
        return Skipped(f"{ref} is Ready again since {ready_since(node)}, after the incident began")
    if storm := storm_text(nodes, ctx.now):
        return Failed(storm, final=True)
    others = [item for item in _workers(nodes) if item["metadata"]["name"] != ref.name and _takes_pods(item)]
    if not others:
        text = f"no other node is Ready and takes Pods, so those of {ref} could go nowhere"
        return Failed(f"{text}; add a node, or uncordon one", final=True)
    return None


def not_now(node: Object, ctx: Context, seen: Seen) -> Failed | Skipped | Waiting | None:
    """Why the node is not taken out of service, or not yet. What is cordoned already takes nobody's turn."""
    nodes = seen.items(question_about_nodes(recent=True))
    if refused := refusal(node, nodes, ctx):
        return refused
    crowd = "" if is_cordoned(node) else crowd_text(node, nodes, ctx.now)
    return Waiting(crowd) if crowd else None


def _recovered(node: Object, began_at: datetime | None) -> bool:
    """Whether it became well after the incident began. That it was well all along is no reason against a cordon."""
    since = ready_since(node)
    if not since or began_at is None or complains(node):
        return False
    return since > format_second(began_at)


def storm_text(nodes: list[Object], now: datetime) -> str:
    """Why so many nodes are in trouble that it is hardly theirs; empty if they are not."""
    workers = _workers(nodes)
    hurt = [item for item in workers if _in_trouble(item, now)]
    if len(hurt) <= max(1, share(STORM, len(workers))):
        return ""
    text = f"storm: {len(hurt)} of {plural(len(workers), 'node')} are not Ready, or were not a minute ago"
    return f"{text}; that is rather the network or the control plane than each of them, so none is cordoned: a person must look"


def _in_trouble(node: Object, now: datetime) -> bool:
    if NodeView.of(node).state != "Ready":
        return True
    since, created = ready_since(node), dig(node, "metadata", "creationTimestamp", default="")
    if not since or not created:
        return False
    became, born = parse_time(since), parse_time(created)
    return now - became < COOL_DOWN < became - born  # a new node becomes Ready too, and was in no trouble


def crowd_text(node: Object, nodes: list[Object], now: datetime) -> str:
    """Why this node must wait until others are back: too many are cordoned by paramedic, or some in another zone."""
    workers = _workers(nodes)
    taken = [item for item in workers if item["metadata"]["name"] != node["metadata"]["name"] and is_taken(item, now)]
    if elsewhere := [item for item in taken if zone_of(item) != zone_of(node)]:
        text = f"storm: {_told(elsewhere[0])}, in zone {zone_of(elsewhere[0]) or 'none'}"
        return f"{text}; nodes of one zone at a time, so this one waits until it is uncordoned"
    most = max(1, share(MOST_CORDONED, len(workers)))
    if len(taken) < most:
        return ""
    text = f"storm: {_told(taken[0])}; of {plural(len(workers), 'node')}, at most {most} may be at a time"
    return f"{text}, so this one waits until it is uncordoned"


def _told(node: Object) -> str:
    if not is_cordoned(node):
        return f"paramedic is about to cordon {ObjectRef.of(node)} for another incident"
    return f"{ObjectRef.of(node)} is cordoned by paramedic already (incident {cordoned_for(node)})"


def is_taken(node: Object, now: datetime) -> bool:
    """Whether paramedic has cordoned it, or is about to."""
    return cordoned_by_us(node) or is_claimed(node, now)


def is_claimed(node: Object, now: datetime) -> bool:
    """Whether a step is about to cordon it. A claim that nobody follows up ends by itself."""
    until = annotations(node).get(CORDON_CLAIM_ANNOTATION, "")
    return until > format_second(now)


def cordoned_by_us(node: Object) -> bool:
    """Whether it is cordoned, and nobody else has cordoned it anew since paramedic did."""
    return is_cordoned(node) and CORDONED_BY_ANNOTATION in annotations(node) and last_cordoner(node) == FIELD_MANAGER


def last_cordoner(node: Object) -> str:
    """Who wrote spec.unschedulable last, as managed fields tell; paramedic where they tell nothing."""
    entries = [
        (item.get("time") or "", item.get("manager") or "unknown")
        for item in dig(node, "metadata", "managedFields", default=[])
        if dig(item, "fieldsV1", "f:spec", "f:unschedulable") is not None
    ]
    return max(entries, default=("", FIELD_MANAGER))[1]


def cordoned_for(node: Object) -> str:
    """The incident that cordoned it, as namespace/name."""
    return annotations(node).get(CORDONED_BY_ANNOTATION, "unknown")


def is_cordoned(node: Object) -> bool:
    return bool(dig(node, "spec", "unschedulable", default=False))


def _workers(nodes: list[Object]) -> list[Object]:
    return [item for item in nodes if not control_plane_label(item)]


def _takes_pods(node: Object) -> bool:
    return not is_cordoned(node) and NodeView.of(node).state == "Ready"
