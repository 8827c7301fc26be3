"""More nodes in a group of Cluster API; without it, a task for a person.

The cluster's autoscaler, where it minds the group, keeps within the group's annotations: the smaller bound is raised with
the number, so that it does not take the new nodes away, and the larger one is respected.
"""

from collections.abc import Mapping
from typing import Any

from paramedic.actions.contract import Context, Failed, Finished, Intent, Observation, Preparation, Waiting, Working
from paramedic.actions.reads import GetObject, Seen
from paramedic.actions.scaling.fields import MAX_SIZE, MIN_SIZE
from paramedic.actions.scaling.size import NodeGroup, leap, wanted_nodes
from paramedic.actions.targets import refuse_managed
from paramedic.model.objects import Object, annotations, dig, labels
from paramedic.model.permissions import Permission
from paramedic.model.references import NODE_GROUPS, ObjectRef
from paramedic.model.text import plural, shorten

PERMISSIONS = frozenset(Permission.to(verb, item) for item in NODE_GROUPS for verb in ("get", "patch"))
_PAUSED = "cluster.x-k8s.io/paused"
#: Carried by what Cluster API's topology controller writes, replicas included where the Cluster names them.
_TOPOLOGY = "topology.cluster.x-k8s.io/owned"


def prepare(wish: NodeGroup, ctx: Context, seen: Seen) -> Preparation:
    found = _find(wish, ctx, seen)
    if found is None:
        return _by_a_person(wish, ctx)
    ref, now = ObjectRef.of(found), dig(found, "spec", "replicas", default=1)
    if refused := refuse_managed(found) or _refusal(found, ref):
        return refused
    wanted = wanted_nodes(wish, now, str(ref))
    if isinstance(wanted, Failed):
        return wanted
    most = _size(found, MAX_SIZE)
    if most is not None and wanted > most:
        text = f"the cluster's autoscaler allows {ref} at most {plural(most, 'node')} (annotation {MAX_SIZE})"
        return Failed(f"{text}; {wanted} is more: raise it there, or ask for fewer", final=True)
    before: dict[str, Any] = {"replicas": now}
    after: dict[str, Any] = {"replicas": wanted}
    least = _size(found, MIN_SIZE)
    if least is not None and least < wanted:
        before["minSize"], after["minSize"] = annotations(found)[MIN_SIZE], str(wanted)
    record = {"object": ref.dump(), "before": before, "wanted": after, "from": now, "to": wanted}
    text = f"scaling {ref} from {now} to {plural(wanted, 'node')}"
    reason = leap(now, wanted)
    return Intent(record, text, ref, ask=f"{text}; it {reason}" if reason else "")


def follow(found: Object, record: Mapping[str, Any]) -> Observation:
    """Whether the nodes are there. They take minutes, and are left as they are where the time is too short."""
    ref, ready = ObjectRef.load(record["object"]), dig(found, "status", "readyReplicas", default=0)
    text = f"{ref}: {ready} of {plural(record['to'], 'node')} ready"
    if ready < record["to"]:
        return Working(text, progressing=True)
    return Finished(text, {"from": record["from"], "to": record["to"], "object": str(ref)})


def _find(wish: NodeGroup, ctx: Context, seen: Seen) -> Object | None:
    refs = [ObjectRef.to(resource, ctx.namespace, wish.pool) for resource in NODE_GROUPS]
    seen.prefetch(GetObject(ref) for ref in refs)
    return next(filter(None, (seen.get(ref) for ref in refs)), None)


def _by_a_person(wish: NodeGroup, ctx: Context) -> Finished | Waiting:
    for answer in ctx.answers:
        if answer.decision == "Done":
            said = f": {answer.note}" if answer.note else ""
            outputs = {"by": answer.by, "note": shorten(answer.note, 256)}
            return Finished(f"the nodes of {wish.pool} were added by {answer.by}{said}", outputs)
    return Waiting(
        f"add {plural(wish.by, 'node')} to node group {wish.pool}, at most {wish.max} in all: namespace {ctx.namespace}"
        " has no MachineDeployment or MachinePool (Cluster API) of that name, so a person must do it",
        person="Done",
    )


def _refusal(found: Object, ref: ObjectRef) -> Failed | None:
    if _PAUSED in annotations(found) or dig(found, "spec", "paused"):
        return Failed(f"{ref} is paused, so nothing would come of it; resume it first", final=True)
    if _TOPOLOGY in labels(found) and _size(found, MAX_SIZE) is None:
        text = f"{ref} is part of a managed topology, which would set it back"
        return Failed(f"{text}; change spec.topology of its Cluster", final=True)
    return None


def _size(found: Object, name: str) -> int | None:
    text = annotations(found).get(name, "")
    return int(text) if text.isdecimal() and text.isascii() else None
