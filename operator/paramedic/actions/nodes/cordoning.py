"""Taking a node out of service and giving it back: what `cordon` and `drain` share.

How many nodes are cordoned at a time is counted from the nodes themselves: only the API server remembers. Two steps that
count at the same moment must not both find room. So a step first marks its node with a claim, and cordons it only if a
list from after that shows no other claim or cordon in the way: of two, the later claim is listed with the earlier one.
Of claims that block each other, the one with the lowest operation ID stays.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from paramedic.actions.contract import Context, Failed, Finished, Pending, Skipped, Working
from paramedic.actions.effects import MergePatch
from paramedic.actions.nodes.choice import (
    cordoned_by_us,
    cordoned_for,
    crowd_text,
    is_claimed,
    is_cordoned,
    last_cordoner,
    question_about_nodes,
    refusal,
)
from paramedic.actions.reads import Seen
from paramedic.actions.targets import carries, undo_operation
from paramedic.model.names import CORDON_CLAIM_ANNOTATION, CORDONED_BY_ANNOTATION, OPERATION_ANNOTATION
from paramedic.model.objects import Object, annotations
from paramedic.model.permissions import Permission
from paramedic.model.references import NODE, ObjectRef
from paramedic.model.times import format_second

#: How long a claim holds: long enough for two requests, short enough that one left by a crash is no matter.
_CLAIM = timedelta(minutes=1)
#: A claim that ends sooner than this is made anew before anything rests on it: a write may take as long.
_MARGIN = timedelta(seconds=15)

PERMISSIONS = frozenset(Permission.to(verb, NODE) for verb in ("get", "list", "patch"))


def record_of(node: Object, ctx: Context) -> dict[str, Any]:
    """What is kept of a node before it is cordoned."""
    return {
        "operation": ctx.operation_id,  # what the node carries, whichever attempt writes it
        "node": node["metadata"]["name"],
        "uid": node["metadata"]["uid"],
        "cordoned": is_cordoned(node),
    }


def node_of(record: Mapping[str, Any]) -> ObjectRef:
    return ObjectRef.to(NODE, "", record["node"], record["uid"])


def take(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Pending | Working | Failed | Skipped | None:
    """What is left to do until the node is cordoned. None where it is."""
    nodes = seen.items(question_about_nodes())
    node = next((item for item in nodes if item["metadata"]["uid"] == record["uid"]), None)
    if node is None:
        return Failed(f"Node/{record['node']} is gone, or was registered again; nothing is done to it", final=True)
    if is_cordoned(node):
        return None
    if record["cordoned"] or _was_cordoned(node, record):
        return Failed(f"somebody has uncordoned Node/{record['node']} meanwhile; it is left so", final=True)
    if refused := refusal(node, nodes, ctx):
        return Failed(refused.message, final=True, untouched=True) if isinstance(refused, Failed) else refused
    return _claim_or_cordon(node, nodes, ctx, record)


def _claim_or_cordon(node: Object, nodes: list[Object], ctx: Context, record: Mapping[str, Any]) -> Pending | Working:
    claimed = carries(node, record["operation"]) and is_claimed(node, ctx.now)
    if crowd := crowd_text(node, nodes, ctx.now):
        if claimed and not _comes_first(node, nodes, ctx.now):
            return Pending((_patch(node, {CORDON_CLAIM_ANNOTATION: None}),))
        return Working(crowd, stuck=True)
    if claimed and is_claimed(node, ctx.now + _MARGIN):
        return Pending((_cordon(node, record["operation"], ctx),))
    until = format_second(ctx.now + _CLAIM)
    return Pending((_patch(node, {OPERATION_ANNOTATION: record["operation"], CORDON_CLAIM_ANNOTATION: until}),))


def _comes_first(node: Object, nodes: list[Object], now: datetime) -> bool:
    """Whether only claims stand in the way that will be withdrawn, since they come after this one."""
    rivals = [item for item in nodes if item is not node and is_claimed(item, now)]
    cordons = [item for item in nodes if item not in rivals]
    if crowd_text(node, cordons, now):
        return False
    return all(_operation(node) < _operation(item) for item in rivals)


def _operation(node: Object) -> str:
    return annotations(node).get(OPERATION_ANNOTATION, "")


def _was_cordoned(node: Object, record: Mapping[str, Any]) -> bool:
    return carries(node, record["operation"]) and CORDONED_BY_ANNOTATION in annotations(node)


def is_ours(node: Object, record: Mapping[str, Any]) -> bool:
    """Whether this step has cordoned the node, and nobody has done so anew since."""
    return not record["cordoned"] and carries(node, record["operation"]) and cordoned_by_us(node)


def give_back(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Pending | Finished:
    """Uncordons the node, if it was this step that cordoned it."""
    ref = node_of(record)
    node = seen.get(ref)
    if node is None or node["metadata"]["uid"] != record["uid"]:
        return Finished(f"nothing to undo: {ref} is gone")
    if not is_cordoned(node):
        done = carries(node, undo_operation(ctx))
        return Finished(f"{ref} is uncordoned" if done else f"nothing to undo: {ref} is not cordoned")
    if record["cordoned"]:
        return Finished(f"{ref} stays cordoned, as it was before")
    if not is_ours(node, record):
        return Finished(f"{ref} stays cordoned: {_by(node)} has cordoned it since")
    lifted = {
        OPERATION_ANNOTATION: undo_operation(ctx),
        CORDONED_BY_ANNOTATION: None,
        CORDON_CLAIM_ANNOTATION: None,
    }
    return Pending((_patch(node, lifted, {"unschedulable": None}),))


def _by(node: Object) -> str:
    return f"incident {cordoned_for(node)}" if cordoned_by_us(node) else last_cordoner(node)


def told_as_cordoned(node: Object) -> str:
    """By whom a node is cordoned that a step finds cordoned."""
    by = f"by paramedic for incident {cordoned_for(node)}" if cordoned_by_us(node) else "by somebody else"
    return f"{ObjectRef.of(node)} is cordoned already, {by}"


def _cordon(node: Object, operation: str, ctx: Context) -> MergePatch:
    marks = {
        OPERATION_ANNOTATION: operation,
        CORDONED_BY_ANNOTATION: f"{ctx.namespace}/{ctx.incident}",
        CORDON_CLAIM_ANNOTATION: None,
    }
    return _patch(node, marks, {"unschedulable": True})


def _patch(node: Object, marks: Mapping[str, str | None], spec: Object | None = None) -> MergePatch:
    patch: Object = {"metadata": {"annotations": dict(marks)}} | ({"spec": spec} if spec else {})
    return MergePatch(ObjectRef.of(node), node["metadata"]["resourceVersion"], patch)
