"""References to objects, and the resources they are served under.

The table is fixed rather than discovered: an action may touch these kinds and no other, so that what paramedic can
reach is read here, and discovery costs no request.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind and the REST resource that serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def root(self) -> str:
        """The first part of its URL."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        parts = [self.root]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


DEPLOYMENT = Resource("apps/v1", "Deployment", "deployments")
STATEFULSET = Resource("apps/v1", "StatefulSet", "statefulsets")
DAEMONSET = Resource("apps/v1", "DaemonSet", "daemonsets")
REPLICASET = Resource("apps/v1", "ReplicaSet", "replicasets")
CONTROLLER_REVISION = Resource("apps/v1", "ControllerRevision", "controllerrevisions")
POD = Resource("v1", "Pod", "pods")
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
NODE = Resource("v1", "Node", "nodes", namespaced=False)
EVENT = Resource("v1", "Event", "events")
SECRET = Resource("v1", "Secret", "secrets")
CONFIGMAP = Resource("v1", "ConfigMap", "configmaps")
SERVICE = Resource("v1", "Service", "services")
SERVICE_ACCOUNT = Resource("v1", "ServiceAccount", "serviceaccounts")
CLAIM = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
QUOTA = Resource("v1", "ResourceQuota", "resourcequotas")
NETWORK_POLICY = Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
HPA = Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
JOB = Resource("batch/v1", "Job", "jobs")
CRON_JOB = Resource("batch/v1", "CronJob", "cronjobs")
INGRESS = Resource("networking.k8s.io/v1", "Ingress", "ingresses")
DISRUPTION_BUDGET = Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
#: Groups of nodes, where the cluster has Cluster API. It serves the newer version since 1.11.
MACHINE_DEPLOYMENT = Resource("cluster.x-k8s.io/v1beta2", "MachineDeployment", "machinedeployments")
MACHINE_POOL = Resource("cluster.x-k8s.io/v1beta2", "MachinePool", "machinepools")
MACHINE_DEPLOYMENT_BETA1 = Resource("cluster.x-k8s.io/v1beta1", "MachineDeployment", "machinedeployments")
MACHINE_POOL_BETA1 = Resource("cluster.x-k8s.io/v1beta1", "MachinePool", "machinepools")
NODE_GROUPS = (MACHINE_DEPLOYMENT, MACHINE_POOL, MACHINE_DEPLOYMENT_BETA1, MACHINE_POOL_BETA1)
SERVICE_CIDR = Resource("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", namespaced=False)
ENDPOINT_SLICE = Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
#: Snapshots of volumes, where the cluster has the external snapshotter.
VOLUME_SNAPSHOT = Resource("snapshot.storage.k8s.io/v1", "VolumeSnapshot", "volumesnapshots")
ROLE = Resource("rbac.authorization.k8s.io/v1", "Role", "roles")
CLUSTER_ROLE = Resource("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False)
ROLE_BINDING = Resource("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE_BINDING = Resource("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", False)
VALIDATING_WEBHOOK = Resource(
    "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False
)
MUTATING_WEBHOOK = Resource(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False
)
LEASE = Resource("coordination.k8s.io/v1", "Lease", "leases")
ACCESS_REVIEW = Resource("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False)
#: What somebody else may do, and who the caller is.
SUBJECT_REVIEW = Resource("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", False)
LOCAL_SUBJECT_REVIEW = Resource("authorization.k8s.io/v1", "LocalSubjectAccessReview", "localsubjectaccessreviews")
SELF_REVIEW = Resource("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", False)
INCIDENT = Resource("paramedic.dev/v1alpha1", "Incident", "incidents")
PLAYBOOK = Resource("paramedic.dev/v1alpha1", "Playbook", "playbooks")

RESOURCES = {
    (item.api_version, item.kind): item
    for item in (
        DEPLOYMENT, STATEFULSET, DAEMONSET, REPLICASET, CONTROLLER_REVISION, POD, NAMESPACE, NODE, EVENT, SECRET,
        CONFIGMAP, SERVICE, SERVICE_ACCOUNT, CLAIM, QUOTA, NETWORK_POLICY, LEASE, ACCESS_REVIEW, SELF_REVIEW, INCIDENT, PLAYBOOK,
        HPA, JOB, CRON_JOB, INGRESS, DISRUPTION_BUDGET, *NODE_GROUPS, SERVICE_CIDR, ENDPOINT_SLICE, VOLUME_SNAPSHOT,
        ROLE_BINDING, CLUSTER_ROLE_BINDING, VALIDATING_WEBHOOK, MUTATING_WEBHOOK,
    )
}  # fmt: skip

#: The kinds with a Pod template and a rollout.
WORKLOADS = (DEPLOYMENT, STATEFULSET, DAEMONSET)


def resource_of(api_version: str, kind: str) -> Resource:
    """The resource of a kind. Raises ValueError for one that paramedic does not work on."""
    try:
        return RESOURCES[api_version, kind]
    except KeyError:
        raise ValueError(f"{kind} ({api_version}) is not a kind that paramedic works on") from None


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object. ``uid`` is empty where it is not known yet."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""

    @property
    def resource(self) -> Resource:
        return resource_of(self.api_version, self.kind)

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def named(self) -> "ObjectRef":
        """Whatever object has this name: what a request by name leads to."""
        return ObjectRef(self.api_version, self.kind, self.namespace, self.name) if self.uid else self

    @property
    def kubectl(self) -> str:
        """How kubectl addresses it, to be pasted into a command."""
        return f"{self.kind.lower()}/{self.name} -n {self.namespace}"

    def dump(self) -> dict[str, Any]:
        found = {"apiVersion": self.api_version, "kind": self.kind, "namespace": self.namespace, "name": self.name}
        return found | ({"uid": self.uid} if self.uid else {})

    @classmethod
    def load(cls, data: dict[str, Any]) -> "ObjectRef":
        return cls(data["apiVersion"], data["kind"], data.get("namespace") or "", data["name"], data.get("uid") or "")

    @classmethod
    def to(cls, resource: Resource, namespace: str, name: str, uid: str = "") -> "ObjectRef":
        return cls(resource.api_version, resource.kind, namespace, name, uid)

    @classmethod
    def of(cls, obj: dict[str, Any]) -> "ObjectRef":
        meta = obj["metadata"]
        return cls(obj["apiVersion"], obj["kind"], meta.get("namespace") or "", meta["name"], meta.get("uid") or "")
