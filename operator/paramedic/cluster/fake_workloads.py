"""Plays the controllers of Deployments and PodDisruptionBudgets and the kubelet on a FakeCluster, one tick at a time.

What a Pod does is read from its image's tag: `broken` ends in CrashLoopBackOff, `never-ready` runs and never becomes
ready, `no-image` cannot be pulled; any other becomes ready. A rollout that does not become ready keeps the old Pods, as
a rolling update with the usual limits does; Recreate does not.
"""

from paramedic.cluster.fake import FakeCluster
from paramedic.cluster.fake_evictions import count_budgets
from paramedic.cluster.fake_paths import Address
from paramedic.model.names import digest
from paramedic.model.objects import Object, annotations, controller_of, dig
from paramedic.model.references import DEPLOYMENT, POD, REPLICASET, ObjectRef, Resource
from paramedic.model.workloads import images_of, pod_ready, strategy_of

REVISION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"
#: Why a container of this image's tag waits; tags that are not listed run.
TROUBLES = {"broken": "CrashLoopBackOff", "no-image": "ImagePullBackOff"}
NEVER_READY = frozenset({*TROUBLES, "never-ready"})


class FakeWorkloads:
    """``ticks``: how many more ticks a rollout takes until its Pods are ready."""

    def __init__(self, cluster: FakeCluster, *, ticks: int = 0) -> None:
        self._cluster = cluster
        self.ticks = ticks
        self._ages: dict[str, int] = {}  # of the newest ReplicaSets, by uid, in ticks
        self._sick: set[str] = set()

    def tick(self) -> None:
        """Every Deployment goes one step on."""
        for deployment in self._cluster.all(DEPLOYMENT):
            self._reconcile(deployment)
        count_budgets(self._cluster.store)

    def sicken(self, namespace: str, deployment: str, *, pods: int | None = None) -> None:
        """Makes this many of its running Pods (all of them by default) unready, until they are replaced."""
        for pod in self._pods_of(self._get(DEPLOYMENT, namespace, deployment))[:pods]:
            self._sick.add(pod["metadata"]["uid"])
        self.tick()

    def pods(self, namespace: str, deployment: str) -> list[Object]:
        """The Pods of a Deployment."""
        return self._pods_of(self._get(DEPLOYMENT, namespace, deployment))

    def _get(self, resource: Resource, namespace: str, name: str) -> Object:
        return self._cluster.store.get(Address(resource, namespace, name))

    def _reconcile(self, deployment: Object) -> None:
        if dig(deployment, "spec", "paused"):
            self._write_status(deployment, self._newest(deployment), done=False)
            return
        newest = self._newest(deployment) or self._replica_set_for(deployment)
        self._number(deployment, annotations(newest)[REVISION])
        age = self._ages[newest["metadata"]["uid"]] = self._ages.get(newest["metadata"]["uid"], -1) + 1
        ready = _tag(newest["spec"]["template"]) not in NEVER_READY and age >= self.ticks
        self._scale(deployment, newest, ready)
        self._write_status(deployment, newest, done=ready)

    # --- ReplicaSets

    def _replica_sets(self, deployment: Object) -> list[Object]:
        found = self._cluster.all(REPLICASET, deployment["metadata"]["namespace"])
        return [item for item in found if _is_owned(item, deployment)]

    def _newest(self, deployment: Object) -> Object | None:
        """The ReplicaSet of the present template, if it is there and the newest."""
        sets = self._replica_sets(deployment)
        newest = max(sets, key=_number_of, default=None)
        return newest if newest and _template_of(newest) == deployment["spec"]["template"] else None

    def _replica_set_for(self, deployment: Object) -> Object:
        sets = self._replica_sets(deployment)
        number = str(1 + max(map(_number_of, sets), default=0))
        same = next((item for item in sets if _template_of(item) == deployment["spec"]["template"]), None)
        if same:
            self._ages.pop(same["metadata"]["uid"], None)
            meta = same["metadata"]
            patch = {"metadata": {"annotations": {REVISION: number}}}
            return self._cluster.edit(REPLICASET, meta["namespace"], meta["name"], patch)
        return self._cluster.add(_replica_set(deployment, number))[0]

    def _number(self, deployment: Object, number: str) -> None:
        meta = deployment["metadata"]
        patch = {"metadata": {"annotations": {REVISION: number}}}
        deployment |= self._cluster.edit(DEPLOYMENT, meta["namespace"], meta["name"], patch)

    # --- Pods

    def _pods_of(self, deployment: Object) -> list[Object]:
        owners = {item["metadata"]["uid"] for item in self._replica_sets(deployment)}
        found = self._cluster.all(POD, deployment["metadata"]["namespace"])
        return [pod for pod in found if dig(controller_of(pod), "uid") in owners]

    def _scale(self, deployment: Object, newest: Object, ready: bool) -> None:
        desired = dig(deployment, "spec", "replicas", default=1)
        old = [pod for pod in self._pods_of(deployment) if not _is_owned(pod, newest)]
        leave = ready or strategy_of(deployment) == "Recreate"
        for pod in old if leave else ():
            self._cluster.remove(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        wanted = desired if leave or not old else min(1, desired)
        there = {pod["metadata"]["name"]: pod for pod in self._pods_of(deployment) if _is_owned(pod, newest)}
        for index in range(max(wanted, len(there))):
            name = f"{newest['metadata']['name']}-{index}"
            if name in there and index >= wanted:
                self._cluster.remove(POD, newest["metadata"]["namespace"], name)
            elif name not in there and index < wanted:
                self._cluster.add(_pod(newest, name))
        for pod in self._pods_of(deployment):
            self._judge(pod, ready or not _is_owned(pod, newest))

    def _judge(self, pod: Object, up: bool) -> None:
        """Sets the status of a Pod."""
        up = up and pod["metadata"]["uid"] not in self._sick and _tag(pod) not in NEVER_READY
        reason = TROUBLES.get(_tag(pod))
        state = {"waiting": {"reason": reason}} if reason else {"running": {}}
        container = {"name": dig(pod, "spec", "containers", 0, "name"), "ready": up, "restartCount": 0, "state": state}
        status = {
            "phase": "Pending" if reason == "ImagePullBackOff" else "Running",
            "conditions": [{"type": "Ready", "status": "True" if up else "False"}],
            "containerStatuses": [container],
        }
        self._put_status(POD, pod, status)

    # --- status

    def _write_status(self, deployment: Object, newest: Object | None, *, done: bool) -> None:
        pods = self._pods_of(deployment)
        ready = sum(dig(pod, "status", "conditions", 0, "status") == "True" for pod in pods)
        reason = "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"
        counts = {
            "replicas": len(pods),
            "updatedReplicas": sum(newest is not None and _is_owned(pod, newest) for pod in pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "conditions": [{"type": "Progressing", "status": "True", "reason": reason}],
        }
        self._put_status(DEPLOYMENT, deployment, status | {key: count for key, count in counts.items() if count})
        for replica_set in self._replica_sets(deployment):
            own = [pod for pod in pods if _is_owned(pod, replica_set)]
            self._put_status(
                REPLICASET, replica_set, {"replicas": len(own), "availableReplicas": sum(map(pod_ready, own))}
            )

    def _put_status(self, resource: Resource, obj: Object, status: Object) -> None:
        meta = obj["metadata"]
        address = Address(resource, meta["namespace"], meta["name"], "status")
        self._cluster.store.update(address, {**self._cluster.store.get(address), "status": status})


def _tag(obj: Object) -> str:
    """The tag of a Pod's or a template's first image."""
    return images_of(obj)[0].rpartition(":")[2]


def _number_of(replica_set: Object) -> int:
    return int(annotations(replica_set).get(REVISION, 0))


def _is_owned(obj: Object, owner: Object) -> bool:
    return bool(dig(controller_of(obj), "uid") == owner["metadata"]["uid"])


def _template_of(replica_set: Object) -> Object:
    """The template without the label that the controller adds."""
    template: Object = replica_set["spec"]["template"]
    meta = template["metadata"]
    kept = {key: value for key, value in meta["labels"].items() if key != HASH_LABEL}
    return {**template, "metadata": {**meta, "labels": kept}}


def _owned(obj: Object, owner: Object) -> Object:
    ref = ObjectRef.of(owner)
    reference = {"apiVersion": ref.api_version, "kind": ref.kind, "name": ref.name, "uid": ref.uid, "controller": True}
    obj["metadata"] |= {"namespace": ref.namespace, "ownerReferences": [reference]}
    return obj


def _replica_set(deployment: Object, number: str) -> Object:
    template = deployment["spec"]["template"]
    name = digest(template)[:10]
    labels = {**template["metadata"]["labels"], HASH_LABEL: name}
    spec = {
        "replicas": dig(deployment, "spec", "replicas", default=1),
        "selector": {"matchLabels": labels},
        "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
    }
    meta = {"name": f"{deployment['metadata']['name']}-{name}", "labels": labels, "annotations": {REVISION: number}}
    return _owned({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": spec}, deployment)


def _pod(replica_set: Object, name: str) -> Object:
    template = replica_set["spec"]["template"]
    meta = {"name": name, **template["metadata"]}
    return _owned({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}, replica_set)
