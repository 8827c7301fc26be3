"""What a Node says of itself. Unknown is never healthy: a kubelet that has fallen silent reports nothing."""

from dataclasses import dataclass
from typing import Literal

from paramedic.model.objects import Object, annotations, condition, dig, labels

NodeState = Literal["Ready", "NotReady", "Unknown"]
#: Conditions every kubelet reports, and that are False while all is well.
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")
#: The same, but set by network plugins, and not by all of them.
_NETWORK = "NetworkUnavailable"
#: Labels of nodes that the cluster itself runs on (kubeadm; older kubeadm; RKE and k3s).
_CONTROL_PLANE = (
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "node-role.kubernetes.io/etcd",
)
#: Taints by which a platform says that it takes the node away: cluster-autoscaler, Karpenter, medik8s, cloud providers.
_TAKEN_TAINTS = (
    "ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler", "karpenter.sh/disrupted",
    "karpenter.sh/disruption", "medik8s.io/remediation", "node.cloudprovider.kubernetes.io/shutdown",
)  # fmt: skip
#: The same as annotations: kured reboots it.
_TAKEN_ANNOTATIONS = ("kured.dev/reboot-in-progress", "weave.works/kured-reboot-in-progress")
#: OpenShift's machine-config-operator updates a node while these two differ.
_CONFIGS = ("machineconfiguration.openshift.io/currentConfig", "machineconfiguration.openshift.io/desiredConfig")
_ZONE = "topology.kubernetes.io/zone"
_READY: dict[str | None, NodeState] = {"True": "Ready", "False": "NotReady"}


@dataclass(frozen=True)
class NodeView:
    """One node. ``problems`` are what is wrong with it, in the words of its conditions; empty while it is well."""

    name: str
    state: NodeState
    problems: tuple[str, ...]
    taints: tuple[str, ...] = ()
    cordoned: bool = False

    @classmethod
    def of(cls, node: Object) -> "NodeView":
        ready = condition(node, "Ready")
        state = _READY.get(ready.get("status"), "Unknown")
        problems = [] if state == "Ready" else [_not_ready(state, ready)]
        if state != "Unknown":  # a silent kubelet reports no pressure either, which would only be said twice
            problems += [text for kind in _PRESSURES if (text := _pressure(kind, condition(node, kind)))]
        if condition(node, _NETWORK).get("status") == "True":
            problems.append(_NETWORK)
        return cls(
            node["metadata"]["name"], state, tuple(problems),
            tuple(_taint(item) for item in dig(node, "spec", "taints", default=[])),
            bool(dig(node, "spec", "unschedulable", default=False)),
        )  # fmt: skip

    @classmethod
    def gone(cls, name: str) -> "NodeView":
        """A node that Pods are bound to and that is not there any more."""
        return cls(name, "Unknown", ("it is gone from the cluster",))

    @property
    def healthy(self) -> bool:
        return not self.problems


def control_plane_label(node: Object) -> str:
    """The label that says that the cluster itself runs on it; empty if it does not."""
    return next((label for label in _CONTROL_PLANE if label in labels(node)), "")


def platform_mark(node: Object) -> str:
    """By what the platform says that it removes or updates the node now; empty if it does not."""
    if dig(node, "metadata", "deletionTimestamp"):
        return "it is being deleted"
    keys = [str(taint.get("key")) for taint in dig(node, "spec", "taints", default=[])]
    if found := [key for key in keys if key in _TAKEN_TAINTS]:
        return f"it has the taint {found[0]}"
    if found := [key for key in _TAKEN_ANNOTATIONS if key in annotations(node)]:
        return f"it has the annotation {found[0]}"
    current, desired = (annotations(node).get(key) for key in _CONFIGS)
    return f"its {_CONFIGS[1]} is another than the current one" if current != desired else ""


def complains(node: Object) -> bool:
    """Whether it says of itself that something is wrong. What it says nothing about is no complaint, nor is it well."""
    pressed = any(condition(node, kind).get("status") == "True" for kind in (*_PRESSURES, _NETWORK))
    return pressed or condition(node, "Ready").get("status") != "True"


def zone_of(node: Object) -> str:
    """Its failure domain; empty where it names none."""
    return labels(node).get(_ZONE, "")


def ready_since(node: Object) -> str:
    """Since when it is Ready (RFC 3339); empty where it is not."""
    ready = condition(node, "Ready")
    return str(ready.get("lastTransitionTime") or "") if ready.get("status") == "True" else ""


def _not_ready(state: NodeState, ready: Object) -> str:
    if not ready:
        return "Unknown: it has no Ready condition"
    reason = ready.get("reason")
    return f"{state} ({reason})" if reason else state


def _pressure(kind: str, found: Object) -> str:
    """What a condition complains of; empty where it says that there is none."""
    status = found.get("status")
    if status == "False":
        return ""
    return kind if status == "True" else f"{kind} is not known"


def _taint(item: Object) -> str:
    value = f"={item['value']}" if item.get("value") else ""
    return f"{item.get('key')}{value}:{item.get('effect')}"
