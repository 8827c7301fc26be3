"""Kubernetes objects and contexts for the tests: healthy ones, which each test then breaks in one way."""

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from paramedic.actions.contract import Context
from paramedic.model.names import operation_id
from paramedic.model.objects import Object
from paramedic.model.references import DAEMONSET, DEPLOYMENT, NODE, STATEFULSET, ObjectRef

NOW = datetime(2026, 11, 24, 3, 0, 0, tzinfo=UTC)
NAMESPACE = "shop"
INCIDENT_UID = "6b7c9f5e-7a53-4b1c-9d3b-0d5f3c1f2a11"
_RESOURCES = {"Deployment": DEPLOYMENT, "StatefulSet": STATEFULSET, "DaemonSet": DAEMONSET}


def ago(**span: float) -> str:
    """An RFC 3339 moment before NOW."""
    return (NOW - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def template(image: str = "web:v1", *, restarted: str = "", **container: Any) -> Object:
    """A Pod template of one container."""
    meta: Object = {"labels": {"app": "web"}}
    if restarted:
        meta["annotations"] = {"kubectl.kubernetes.io/restartedAt": restarted}
    return {
        "metadata": meta,
        "spec": {"containers": [{"name": "web", "image": image, "imagePullPolicy": "IfNotPresent"} | container]},
    }


def workload(kind: str = "Deployment", image: str = "web:v2", *, replicas: int = 3, **spec: Any) -> Object:
    """A workload named web, of which every Pod is updated and available."""
    status: Object = {"observedGeneration": 5}
    if kind == "DaemonSet":
        counts = ("desiredNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable")
    else:
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    status |= dict.fromkeys(counts, replicas)
    if kind == "Deployment":
        status["conditions"] = [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]
    elif kind == "StatefulSet":
        status |= {"updateRevision": "web-new", "currentRevision": "web-new"}
    body: Object = {"selector": {"matchLabels": {"app": "web"}}, "template": template(image)}
    if kind != "DaemonSet":
        body["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {
            "name": "web",
            "namespace": NAMESPACE,
            "uid": "uid-web",
            "resourceVersion": "100",
            "generation": 5,
        },
        "spec": body | spec,
        "status": status,
    }


def with_status(obj: Object, **fields: Any) -> Object:
    """The same workload with other status fields; a field that is None is left out."""
    changed = copy.deepcopy(obj)
    changed["status"] = {key: value for key, value in (changed["status"] | fields).items() if value is not None}
    return changed


def annotated(obj: Object, **annotations: str) -> Object:
    """The same object with these annotations, and a newer resourceVersion."""
    changed = copy.deepcopy(obj)
    found = changed["metadata"].get("annotations") or {}
    changed["metadata"] |= {"annotations": found | annotations, "resourceVersion": "101"}
    return changed


def progressing(reason: str, **more: str) -> list[Object]:
    """The conditions of a Deployment with this reason of Progressing."""
    return [{"type": "Progressing", "status": "True", "reason": reason} | more]


def owner(kind: str, name: str) -> list[Object]:
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]


def replica_set(revision: int, pod_template: Object) -> Object:
    """A ReplicaSet of the Deployment web."""
    kept = copy.deepcopy(pod_template)
    kept["metadata"].setdefault("labels", {})["pod-template-hash"] = f"h{revision}"
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"web-h{revision}",
            "namespace": NAMESPACE,
            "uid": f"uid-web-h{revision}",
            "labels": {"app": "web", "pod-template-hash": f"h{revision}"},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": owner("Deployment", "web"),
        },
        "spec": {"template": kept},
    }


def controller_revision(revision: int, pod_template: Object, kind: str = "StatefulSet") -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"web-r{revision}",
            "namespace": NAMESPACE,
            "uid": f"uid-web-r{revision}",
            "labels": {"app": "web"},
            "ownerReferences": owner(kind, "web"),
        },
        "revision": revision,
        "data": {"spec": {"template": copy.deepcopy(pod_template) | {"$patch": "replace"}}},
    }


def pod(name: str, *, of: str = "h1", ready: bool = True, trouble: str = "", **spec: Any) -> Object:
    """A Pod of the ReplicaSet web-OF; or, where OF names a kind, of that workload itself."""
    direct = of in ("StatefulSet", "DaemonSet")
    status: Object = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [{"name": "web", "restartCount": 0, "state": {}}],
    }
    if trouble:
        status["containerStatuses"][0]["state"] = {"waiting": {"reason": trouble}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "resourceVersion": "7",
            "labels": {"app": "web"} | ({} if direct else {"pod-template-hash": of}),
            "ownerReferences": owner(of, "web") if direct else owner("ReplicaSet", f"web-{of}"),
        },
        "spec": {"containers": [{"name": "web", "image": "web:v1"}]} | spec,
        "status": status,
    }


def node(name: str = "n1", *, spec: Object | None = None, **conditions: str) -> Object:
    """A Node that is well, with these conditions changed; one that is empty is left out."""
    found = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"} | conditions
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "9"},
        "spec": spec or {},
        "status": {"conditions": [{"type": key, "status": value} for key, value in found.items() if value]},
    }


def on_node(name: str = "n1", uid: str = "uid-n1") -> Context:
    """A context whose target is a Node."""
    return context(target=ObjectRef.to(NODE, "", name, uid))


def context(kind: str = "Deployment", **changes: Any) -> Context:
    """The first attempt of the step `mend` of the incident checkout-down, on the workload web."""
    return replace(
        Context(
            incident="checkout-down",
            incident_uid=INCIDENT_UID,
            namespace=NAMESPACE,
            account="responder",
            step="mend",
            attempt=1,
            operation_id=operation_id(INCIDENT_UID, "mend", 1),
            target=ObjectRef.to(_RESOURCES[kind], NAMESPACE, "web", "uid-web"),
            pod=None,
            now=NOW,
            started_at=NOW,
            deadline=NOW + timedelta(minutes=10),
        ),
        **changes,
    )
