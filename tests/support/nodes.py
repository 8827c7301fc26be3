"""Simulated nodes of a test's own, on dev/localkind, and the rights on nodes that an account can have."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from support.kube import Kube
from support.objects import ACCOUNT, Object, deployment, workload

NOT_READY = "localkind.paramedic.dev/not-ready"
ZONE = "topology.kubernetes.io/zone"
_FAKE = "kwok.x-k8s.io/node"


@contextmanager
def node_rights(shop: Kube, *actions: str) -> Iterator[None]:
    """Binds the account of this namespace to what these actions need in the whole cluster."""
    names = [f"{shop.namespace}-{action}" for action in actions]
    for name, action in zip(names, actions, strict=True):
        subject = f"--serviceaccount={shop.namespace}:{ACCOUNT}"
        shop.run("create", "clusterrolebinding", name, f"--clusterrole=paramedic-cluster-{action}", subject)
    try:
        yield
    finally:
        shop.run("delete", "clusterrolebinding", *names)


@contextmanager
def own_nodes(shop: Kube, count: int, zones: int = 0, labels: Mapping[str, str] | None = None) -> Iterator[list[str]]:
    """So many Ready nodes, to which nothing comes but what selects this namespace's pool. They are deleted in the end."""
    names = [f"{shop.namespace}-{number}" for number in range(count)]
    shop.apply(*(_node(shop, name, index, zones, labels or {}) for index, name in enumerate(names)))
    try:
        for name in names:
            shop.wait_for("node", name, is_usable)
        yield names
    finally:
        shop.run("delete", "node", *names)


def _node(shop: Kube, name: str, index: int, zones: int, labels: Mapping[str, str]) -> Object:
    found = {"pool": shop.namespace, "kubernetes.io/hostname": name, **labels}
    if zones:
        found[ZONE] = f"zone-{index % zones}"
    taint = {"key": "pool", "value": shop.namespace, "effect": "NoSchedule"}
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": found, "annotations": {_FAKE: "fake"}},
        "spec": {"taints": [taint]},
        "status": {
            "allocatable": {"cpu": "32", "memory": "64Gi", "pods": "250"},
            "conditions": [{"type": kind, "status": "False"} for kind in ("MemoryPressure", "DiskPressure", "PIDPressure")],
        },
    }  # fmt: skip


def in_pool(shop: Kube, obj: Object, **spec: object) -> Object:
    """The workload, whose Pods come to this namespace's nodes and nowhere else."""
    taint = {"key": "pool", "operator": "Exists", "effect": "NoSchedule"}
    pod = obj["spec"]["template"]["spec"]
    pod |= {"nodeSelector": {"pool": shop.namespace}, "tolerations": [taint]} | spec
    return obj


def spread(shop: Kube, replicas: int = 3, **spec: object) -> Object:
    """The Deployment web in the pool, its Pods on different nodes where there are as many."""
    rule = {
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }  # fmt: skip
    return in_pool(shop, deployment("web", replicas=replicas), topologySpreadConstraints=[rule], **spec)


def on_one_node(shop: Kube, kind: str = "Deployment", replicas: int = 3, node: str = "", **spec: object) -> Object:
    """web in the pool, all its Pods on one node, as long as that takes Pods."""
    names = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    preference = {"weight": 100, "preference": {"matchExpressions": [names]}}
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}}
    return in_pool(shop, workload(kind, "web", replicas=replicas), affinity=affinity, **spec)


def break_node(shop: Kube, name: str) -> None:
    """The kubelet says that it is not ready."""
    shop.run("annotate", "node", name, f"{NOT_READY}=true", "--overwrite")
    shop.wait_for("node", name, lambda obj: ready_of(obj) == "False")


def mend_node(shop: Kube, name: str) -> None:
    shop.run("annotate", "node", name, f"{NOT_READY}-")
    shop.wait_for("node", name, lambda obj: ready_of(obj) == "True")


def silence_node(shop: Kube, name: str) -> None:
    """The kubelet says nothing any more: the node controller would write Unknown after a while."""
    break_node(shop, name)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    unknown = {
        "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting",
        "lastHeartbeatTime": moment, "lastTransitionTime": moment,
    }  # fmt: skip
    patch = json.dumps({"status": {"conditions": [unknown]}})
    shop.run("patch", "node", name, "--subresource=status", "--type=strategic", "-p", patch)
    shop.wait_for("node", name, lambda obj: ready_of(obj) == "Unknown")


def ready_of(node: Object) -> str:
    conditions = node.get("status", {}).get("conditions", [])
    return next((str(item["status"]) for item in conditions if item["type"] == "Ready"), "")


def is_usable(node: Object) -> bool:
    keys = [taint["key"] for taint in node["spec"].get("taints", [])]
    return ready_of(node) == "True" and "node.kubernetes.io/not-ready" not in keys


def is_cordoned(shop: Kube, name: str) -> bool:
    return bool(shop.get("node", name)["spec"].get("unschedulable"))


def cordoned(shop: Kube) -> list[str]:
    """The nodes of this namespace's pool that are cordoned."""
    found = shop.list("nodes", "-l", f"pool={shop.namespace}")
    return [str(item["metadata"]["name"]) for item in found if item["spec"].get("unschedulable")]


def pods_on(shop: Kube, node: str) -> list[str]:
    found = shop.list("pods", f"--field-selector=spec.nodeName={node}")
    return [item["metadata"]["name"] for item in found if not item["metadata"].get("deletionTimestamp")]


def budget(name: str = "web", **spec: object) -> Object:
    body = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": body}


def counted(obj: Object) -> bool:
    """Whether the disruption controller has counted the budget's Pods."""
    status = obj.get("status", {})
    return status.get("observedGeneration") == obj["metadata"]["generation"] and bool(status.get("expectedPods"))
