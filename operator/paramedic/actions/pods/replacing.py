"""How far deleted Pods are replaced, by what is there now: the chosen ones by uid, and the ready ones beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paramedic.model.objects import Object, dig
from paramedic.model.references import ObjectRef
from paramedic.model.text import plural
from paramedic.model.workloads import Workload, pod_counts, pod_ready, pod_trouble


@dataclass(frozen=True)
class Replacing:
    """``left`` and ``leaving`` are chosen Pods that are still there, ``gone`` the names of the others; ``beside`` are
    the Pods that were not chosen, replacements included.
    """

    target: ObjectRef
    desired: int
    whole: bool
    left: list[Object]
    leaving: list[Object]
    gone: list[str]
    beside: list[Object]
    record: Mapping[str, Any]

    @classmethod
    def of(cls, workload: Object, pods: list[Object], record: Mapping[str, Any]) -> "Replacing":
        there = {pod["metadata"]["uid"]: pod for pod in pods}
        chosen = [there[item["uid"]] for item in record["pods"] if item["uid"] in there]
        uids = {item["uid"] for item in record["pods"]}
        return cls(
            target=ObjectRef.of(workload),
            desired=Workload.of(workload).desired,
            whole=Workload.of(workload).whole,
            left=[pod for pod in chosen if not dig(pod, "metadata", "deletionTimestamp")],
            leaving=[pod for pod in chosen if dig(pod, "metadata", "deletionTimestamp")],
            gone=[
                item["name"]
                for item in record["pods"]
                if item["uid"] not in there or dig(there[item["uid"]], "metadata", "deletionTimestamp")
            ],
            beside=[pod for pod in pods if pod["metadata"]["uid"] not in uids and pod_counts(pod)],
            record=record,
        )

    def missing(self) -> str:
        """What is said while a replacement is not ready yet; empty once each is. Fewer are needed after a scale-down, and
        where a rollout that had started Pods beyond the desired ones is complete by now.
        """
        ready = sum(pod_ready(pod) for pod in self.beside)
        room = self.desired + self.record["surplus"] - len(self.left)
        wanted = min(self.record["ready"] + len(self.gone), room)
        whole = self.whole and ready >= self.desired  # the status alone lags behind right after an eviction
        if not self.gone or ready >= wanted or whole:
            return ""
        return f"{plural(len(self.gone), 'Pod')} of {self.target} deleted; {ready} of {wanted} others are ready yet"

    def broken(self) -> str:
        """Why the next one would fare no better: a replacement does not come up. Empty where none is seen to."""
        if not self.gone:
            return ""
        before = {item["node"] for item in self.record["pods"] if item["name"] in self.gone}
        for pod in self.beside:
            trouble = pod_trouble(pod)
            if not trouble or dig(pod, "metadata", "creationTimestamp", default="") <= self.record["newest"]:
                continue
            name, node = pod["metadata"]["name"], dig(pod, "spec", "nodeName")
            text = f"the replacement Pod/{name} of {self.target} does not come up either: {trouble}"
            if node and node in before:
                return (
                    f"{text}; it came to the same Node/{node}, so the node may be the cause: keep Pods away from it with"
                    f" a step cordon, or: kubectl cordon {node}. No other Pod is deleted"
                )
            return f"{text}; deleting Pods does not mend this, and no other one is deleted"
        return ""

    def ready_beside(self, pod: Object) -> bool:
        """Whether another Pod is ready than this one."""
        others = [*self.beside, *self.left]
        return any(pod_ready(item) for item in others if item is not pod)
