"""Nodes and PodDisruptionBudgets for the tests of what takes nodes out of service."""

import copy
from collections.abc import Mapping
from typing import Any

from paramedic.model.objects import Object
from unit.builders import NAMESPACE, ago, node, pod
from unit.seen import World

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
ZONE = "topology.kubernetes.io/zone"


def machine(
    name: str = "n1",
    *,
    ready: str = "True",
    since: str = ago(days=2),
    cordoned: bool = False,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """A Node that has been Ready for two days, with these changes."""
    found = node(name, spec=({"unschedulable": True} if cordoned else {}) | spec, Ready=ready)
    found["metadata"] |= {
        "creationTimestamp": ago(days=30),
        "labels": dict(labels or {}),
        "annotations": dict(annotations or {}),
    }
    next(item for item in found["status"]["conditions"] if item["type"] == "Ready")["lastTransitionTime"] = since
    return found


def fleet(count: int = 10, *changed: Object) -> list[Object]:
    """So many healthy nodes n1, n2 …, those that are given in the place of those of their name."""
    others = {item["metadata"]["name"]: item for item in changed}
    names = [f"n{number}" for number in range(1, count + 1)]
    return [others.pop(name, None) or machine(name) for name in names] + list(others.values())


def cordoned_by(who: str, obj: Object, when: str = ago(minutes=5)) -> Object:
    """The same node, cordoned, as managed fields tell by whom."""
    found = copy.deepcopy(obj)
    found["spec"]["unschedulable"] = True
    fields = {"f:spec": {"f:unschedulable": {}}}
    found["metadata"]["managedFields"] = [{"manager": who, "time": when, "fieldsV1": fields}]
    return found


def budget(
    *, allowed: int, healthy: int = 3, wanted: int = 3, expected: int = 3, name: str = "web", **spec: Any
) -> Object:
    """A PodDisruptionBudget of the Pods of web, as its controller has counted it."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-budget-{name}", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}}} | spec,
        "status": {
            "observedGeneration": 1,
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": wanted,
            "expectedPods": expected,
        },
    }


def running(name: str, *, on: str = "n1", age_minutes: int = 60, **more: Any) -> Object:
    """A Pod of web on a node, as old as this."""
    found = pod(name, nodeName=on, **more)
    found["metadata"]["creationTimestamp"] = ago(minutes=age_minutes)
    return found


def ending(obj: Object) -> Object:
    """The same Pod, on its way out."""
    found = copy.deepcopy(obj)
    found["metadata"]["deletionTimestamp"] = ago(seconds=3)
    return found


def put(world: World, *objects: Object) -> None:
    """Stores objects, in the place of what has their names."""
    for obj in objects:
        world.objects[obj["kind"], obj["metadata"]["name"]] = obj


def gone(world: World, *names: str) -> None:
    """Takes Pods out of the world, as a kubelet does that has ended them."""
    for name in names:
        del world.objects["Pod", name]
