"""`cordon`: keeps new Pods away from a node, and leaves those that run on it alone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Parameters,
    Preparation,
)
from paramedic.actions.nodes import cordoning
from paramedic.actions.nodes.choice import (
    NodeName,
    find_node,
    is_cordoned,
    not_now,
)
from paramedic.actions.reads import Seen
from paramedic.model.permissions import Permission
from paramedic.model.references import POD, ObjectRef


class CordonParameters(Parameters):
    """Marks a node unschedulable, as `kubectl cordon` does, so that no new Pod comes to it. Refused for nodes of the
    control plane, for one that the platform removes or updates already, for the last one that takes Pods, and in a
    storm, when more than a quarter of the nodes are not Ready. At most a tenth of the nodes, one at least, and of one
    zone alone, is cordoned by paramedic at a time, whichever incidents want it; another one waits. Skipped where the
    node has become Ready since the incident began. The way back uncordons it, unless it was cordoned before or somebody
    has cordoned it since. Nodes belong to no namespace: an admin must bind the account to the ClusterRole
    paramedic-cluster-cordon with a ClusterRoleBinding. Outputs: node, cordonedBefore.
    """

    node: NodeName | None = Field(
        None,
        description="Its name. Left out, it is the Node that the incident is about, or the one that its Pod runs on.",
    )


class Cordon(Action[CordonParameters]):
    name = "cordon"
    phase = "Contain"
    parameters = CordonParameters
    remedy = True
    can_undo = True
    timeout = timedelta(minutes=5)
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Node")
    example = 'cordon: {node: "${parameters.node}"}'

    def permissions(self, params: CordonParameters, kind: str) -> frozenset[Permission]:
        return cordoning.PERMISSIONS

    def pod_permissions(self, params: CordonParameters) -> frozenset[Permission]:
        return frozenset() if params.node else frozenset({Permission.to("get", POD)})

    def prepare(self, params: CordonParameters, ctx: Context, seen: Seen) -> Preparation:
        node = find_node(params.node, ctx, seen)
        if isinstance(node, Failed):
            return node
        if is_cordoned(node):
            return Finished(f"{cordoning.told_as_cordoned(node)}; it is left so", _outputs(node, before=True))
        if answer := not_now(node, ctx, seen):
            return answer
        ref = ObjectRef.of(node)
        record = cordoning.record_of(node, ctx)
        text = f"cordoning {ref}: no new Pod comes to it, and those that run on it stay"
        return Intent(record, text, ref, change={"node": record["uid"]})

    def observe(self, params: CordonParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        if left := cordoning.take(ctx, record, seen):
            return left
        node = seen.get(cordoning.node_of(record))
        if node is None or cordoning.is_ours(node, record):
            text = f"Node/{record['node']} is cordoned; uncordon it with: kubectl uncordon {record['node']}"
            return Finished(text, {"node": record["node"], "cordonedBefore": False})
        return Finished(f"{cordoning.told_as_cordoned(node)}; it is left so", _outputs(node, before=True))

    def undo(self, params: CordonParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        return cordoning.give_back(ctx, record, seen)


def _outputs(node: dict[str, Any], *, before: bool) -> dict[str, Any]:
    return {"node": node["metadata"]["name"], "cordonedBefore": before}
