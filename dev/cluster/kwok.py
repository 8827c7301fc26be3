"""Simulated nodes: their Node objects, kwok which plays their Pods' lives, and a server for those Pods' logs."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import build, machine, ports
from .api import ApiServer
from .stages import all_stages
from .state import Cluster

# Also the taint that keeps real Pods away when there is a real node too.
FAKE_NODE = "kwok.x-k8s.io/node"
MAX_NODES = 5_000
# kwok's own pool of addresses is one /24 a node.
RESOURCES = {"cpu": "32", "memory": "256Gi", "pods": "250", "ephemeral-storage": "1Ti"}
# What a healthy kubelet says of itself (kubernetes: pkg/kubelet/nodestatus/setters.go).
CONDITIONS = (
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def start(cluster: Cluster, programs: Path, api: ApiServer, count: int, beside_real: bool) -> None:
    """Creates `count` nodes, and starts what animates them."""
    (port,) = ports.free(1)
    _start_logs(cluster, port)
    for node in nodes(count, port, beside_real):
        api.create("/api/v1/nodes", node)
    configuration = cluster.path("kwok.yaml")
    # Documents of JSON are documents of YAML.
    configuration.write_text("\n---\n".join(json.dumps(stage, indent=1) for stage in all_stages()) + "\n")
    command = [
        str(programs / "kwok"),
        f"--config={configuration}",
        f"--kubeconfig={cluster.path('kwok.conf')}",
        f"--manage-nodes-with-annotation-selector={FAKE_NODE}=fake",
        "--node-lease-duration-seconds=40",
    ]
    # kwok also reads the configuration in its home folder, which is the user's and not this cluster's.
    own_home = {"HOME": str(cluster.folder), "KWOK_WORKDIR": str(cluster.path("kwok"))}
    cluster.run("kwok", command, own_home)


def nodes(count: int, port: int, beside_real: bool) -> Iterator[dict[str, Any]]:
    """The Node objects. `port` is where their logs are served, on loopback."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for index in range(count):
        taints = [{"key": FAKE_NODE, "value": "fake", "effect": "NoSchedule"}] if beside_real else []
        cidr = pod_range(index)
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": _metadata(f"kwok-node-{index}"),
            "spec": {"podCIDR": cidr, "podCIDRs": [cidr], "taints": taints},
            "status": _status(f"kwok-node-{index}", port, now),
        }


def pod_range(index: int) -> str:
    """The Pod addresses of the node with that index: one /24 in 10.128.0.0/9."""
    return f"10.{128 + index // 256}.{index % 256}.0/24"


def not_usable(api: ApiServer, count: int) -> bool:
    """Whether a node is still missing, NotReady, or tainted by the node controller."""
    status, answer = api.call("GET", "/api/v1/nodes")
    if status != 200:
        return True
    ready = [node for node in answer["items"] if _usable(node)]
    return len(ready) < count


def _usable(node: dict[str, Any]) -> bool:
    taints = [taint["key"] for taint in node["spec"].get("taints") or []]
    conditions = {each["type"]: each["status"] for each in node["status"].get("conditions") or []}
    return conditions.get("Ready") == "True" and "node.kubernetes.io/not-ready" not in taints


def _metadata(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "annotations": {FAKE_NODE: "fake", "node.alpha.kubernetes.io/ttl": "0"},
        "labels": {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": machine.architecture(),
            "type": "kwok",
        },
    }


def _status(name: str, port: int, now: str) -> dict[str, Any]:
    version = build.kubernetes_version()
    return {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "capacity": RESOURCES,
        "allocatable": RESOURCES,
        "conditions": [
            {"type": kind, "status": status, "reason": reason, "message": message,
             "lastHeartbeatTime": now, "lastTransitionTime": now}
            for kind, status, reason, message in CONDITIONS
        ],
        "nodeInfo": {
            "architecture": machine.architecture(),
            "operatingSystem": "linux", "osImage": "kwok (simulated)", "kernelVersion": platform.release(),
            "kubeletVersion": version, "kubeProxyVersion": "", "containerRuntimeVersion": "kwok://0.8.0",
            "machineID": "", "systemUUID": "", "bootID": "",
        },
    }  # fmt: skip


def _start_logs(cluster: Cluster, port: int) -> None:
    """The kubelet's part of `kubectl logs`: kwok's own server cannot choose a log by the Pod's image."""
    command = [sys.executable, "-m", "cluster.kubelet", str(cluster.folder), cluster.server, str(port)]
    package = {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    cluster.run("kubelet-logs", command, package)
