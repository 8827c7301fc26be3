"""Which Pods leave a drained node, which stay, and which stand in the way: by the rules of `kubectl drain`.

(kubectl: pkg/drain/filters.go.) Beyond them, a StatefulSet's Pod stays on a node that does not answer: nobody knows
whether it still runs there, and a second one would write beside it (kubernetes/kubernetes#61832).
"""

from dataclasses import dataclass, field

from paramedic.model.objects import Object, annotations, controller_of, dig
from paramedic.model.references import DAEMONSET, STATEFULSET, ObjectRef

_MIRROR = "kubernetes.io/config.mirror"


@dataclass
class Sorted:
    """The Pods of a node. Texts name a Pod with its namespace."""

    leave: list[Object] = field(default_factory=list)
    stay: list[str] = field(default_factory=list)
    #: Why the node cannot be drained as it is.
    refused: list[str] = field(default_factory=list)
    #: What a person must know before these are lost.
    lost: list[str] = field(default_factory=list)


def sort_pods(pods: list[Object], *, bare: bool, empty_dir: bool, silent: bool) -> Sorted:
    """``bare`` and ``empty_dir``: such Pods may go too. ``silent``: the node does not answer."""
    found = Sorted()
    for pod in sorted(pods, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"])):
        if why := _why_it_stays(pod, silent):
            found.stay.append(f"{named(pod)} ({why})")
        elif is_finished(pod):
            found.leave.append(pod)
        else:
            _judge(pod, found, bare=bare, empty_dir=empty_dir)
    return found


def _why_it_stays(pod: Object, silent: bool) -> str:
    if _MIRROR in annotations(pod):
        return "a static Pod of the node"
    kind = dig(controller_of(pod), "kind")
    if kind == DAEMONSET.kind and not is_finished(pod):
        return "of a DaemonSet"
    if kind == STATEFULSET.kind and silent:
        return "of a StatefulSet: the node does not answer, so it may still run, and another would write beside it"
    return ""


def _judge(pod: Object, found: Sorted, *, bare: bool, empty_dir: bool) -> None:
    volumes = dig(pod, "spec", "volumes", default=[])
    if controller_of(pod) is None:
        text = f"{named(pod)} has no controller, so nothing would start it again"
        (found.lost if bare else found.refused).append(text if bare else f"{text} (deleteBarePods)")
    if any("emptyDir" in volume for volume in volumes):
        text = f"{named(pod)} would lose what is in its emptyDir"
        (found.lost if empty_dir else found.refused).append(text if empty_dir else f"{text} (deleteEmptyDirData)")
    found.leave.append(pod)


def is_finished(pod: Object) -> bool:
    return dig(pod, "status", "phase") in ("Succeeded", "Failed")


def named(pod: Object) -> str:
    """``Pod/web-1 (shop)``: on a node, Pods of several namespaces meet."""
    return f"{ObjectRef.of(pod)} in {pod['metadata']['namespace']}"
