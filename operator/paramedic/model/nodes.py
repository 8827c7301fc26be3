"""What a Node says of itself. Unknown is never healthy: a kubelet that has fallen silent reports nothing."""

from dataclasses import dataclass
from typing import Literal

from paramedic.model.objects import Object, condition, dig

NodeState = Literal["Ready", "NotReady", "Unknown"]
#: Conditions every kubelet reports, and that are False while all is well.
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")
#: The same, but set by network plugins, and not by all of them.
_NETWORK = "NetworkUnavailable"
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
