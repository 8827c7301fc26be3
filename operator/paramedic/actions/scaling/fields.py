"""The fields that say how many there are, of a workload, an autoscaler or a node group: read, set, put back.

What a step sets is absolute and stands in its record, so that it is set once, however often it is tried.
"""

from collections.abc import Mapping
from typing import Any

from paramedic.actions.contract import Context, Finished, Observation, Pending
from paramedic.actions.effects import MergePatch
from paramedic.actions.reads import Seen
from paramedic.actions.targets import last_writer, undo_operation
from paramedic.model.names import FIELD_MANAGER, OPERATION_ANNOTATION
from paramedic.model.objects import Object, dig
from paramedic.model.references import ObjectRef

#: How many nodes the cluster's autoscaler keeps a group of Cluster API within
#: (kubernetes/autoscaler, cluster-autoscaler/cloudprovider/clusterapi/README.md).
_BOUND = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-{}-size"
MIN_SIZE, MAX_SIZE = _BOUND.format("min"), _BOUND.format("max")

_PATHS = {
    "replicas": ("spec", "replicas"),
    "minReplicas": ("spec", "minReplicas"),
    "maxReplicas": ("spec", "maxReplicas"),
    "minSize": ("metadata", "annotations", MIN_SIZE),
}
#: What the API server takes where nothing is said.
_DEFAULTS = {"replicas": 1, "minReplicas": 1}
Values = Mapping[str, Any]


def values_of(obj: Object, names: Values) -> dict[str, Any]:
    """What these fields hold now."""
    return {name: dig(obj, *_PATHS[name], default=_DEFAULTS.get(name)) for name in names}


def described(values: Values) -> str:
    """``6``, or ``minReplicas 6, maxReplicas 12``."""
    if len(values) == 1 and "replicas" in values:
        return str(values["replicas"])
    return ", ".join(f"{name} {value}" for name, value in values.items())


def write(ref: ObjectRef, obj: Object, values: Values, operation: str) -> MergePatch:
    """Sets the fields, and says which operation did."""
    patch: Object = {"metadata": {"annotations": {OPERATION_ANNOTATION: operation}}}
    for name, value in values.items():
        *parents, last = _PATHS[name]
        place = patch
        for part in parents:
            place = place.setdefault(part, {})
        place[last] = value
    return MergePatch(ref, obj["metadata"]["resourceVersion"], patch)


def writer_of(obj: Object, values: Values) -> str:
    """Who has set one of the fields last, as far as the API server tells."""
    found = [last_writer(obj, f"f:{name}") for name in values if _PATHS[name][0] == "spec"]
    return max(found, key=lambda item: item[1], default=("somebody", ""))[0]


def put_back(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
    """The way back: only where the fields still hold what this step has set."""
    ref = ObjectRef.load(record["object"])
    obj = seen.get(ref)
    if obj is None or obj["metadata"]["uid"] != ref.uid:
        return Finished(f"nothing to undo: {ref} is gone")
    now, before = values_of(obj, record["wanted"]), described(record["before"])
    if now == record["before"]:
        return Finished(f"{ref} is at {before} again")
    who = writer_of(obj, now)
    if now != record["wanted"] or who not in (FIELD_MANAGER, "somebody"):
        return Finished(f"{ref} is left at {described(now)}: {who} has set it since")
    return Pending((write(ref, obj, record["before"], undo_operation(ctx)),))
