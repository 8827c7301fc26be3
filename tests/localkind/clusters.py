"""Helpers for tests on running clusters: waiting, and looking for what a cluster may have left on the machine."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster import host, processes, state
from cluster.api import ApiServer
from cluster.controlplane import connect

PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def api_of(name: str) -> ApiServer:
    """The API server of a running cluster, called as cluster administrator."""
    return connect(state.require(name))


def eventually(condition: Callable[[], Any], seconds: float = 30, what: str = "") -> Any:
    """The first true value of `condition()`; the last one is in the failure's message."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what or condition} did not happen within {seconds} s: {value!r}"
        time.sleep(0.1)
    return value


def pod(name: str, image: str, **spec: Any) -> dict[str, Any]:
    """A Pod with one container named `web`."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "web", "image": image}], **spec},
    }


def deployment(name: str, image: str, replicas: int, **container: Any) -> dict[str, Any]:
    """A Deployment whose Pods have one container named `web`."""
    labels = {"app": name}
    spec = {"containers": [{"name": "web", "image": image, **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def container_status(api: ApiServer, name: str) -> dict[str, Any]:
    """The status of a Pod's first container; empty before it has one."""
    _, found = api.call("GET", f"{PODS}/{name}")
    statuses = found["status"].get("containerStatuses") or [{}]
    return dict(statuses[0])


def ready_condition(api: ApiServer, name: str) -> str:
    """The status of the Pod's condition Ready."""
    _, found = api.call("GET", f"{PODS}/{name}")
    conditions = {each["type"]: each["status"] for each in found["status"].get("conditions") or []}
    return conditions.get("Ready", "")


def log(api: ApiServer, name: str, query: str = "") -> tuple[int, str]:
    """What `kubectl logs` would show, with the HTTP status."""
    status, text = api.call("GET", f"{PODS}/{name}/log?container=web&{query}")
    return status, text if isinstance(text, str) else json.dumps(text)


def traces(folder: Path, networks: list[str]) -> dict[str, list[str]]:
    """What is left on this machine of the clusters in the folder, whose networks had these names; nothing, hopefully."""
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True).stdout.split()
    found = {
        "clusters": [str(path) for path in folder.glob("*")],
        "processes": [each.name for path in [folder, *folder.glob("*")] for each in processes.strays(path)],
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(folder) in line],
    }
    for name in networks:
        places = [Path("/run/netns") / name, host.RUN / name, *Path("/sys/fs/cgroup").glob(f"**/{name}")]
        found[name] = [
            *(link for link in links if link.startswith(name)),
            *(str(path) for path in places if path.exists()),
        ]
    return {kind: left for kind, left in found.items() if left}
