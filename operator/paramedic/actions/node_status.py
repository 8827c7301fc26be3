"""`nodeStatus`: are the nodes well that the target runs on, or the node that is the target?

Nodes belong to no namespace, and the playbooks' accounts get their rights by RoleBindings, which cannot grant them. So
the operator reads Nodes as itself, as it does where a Node is the target, and only those by name that the incident is
about: its target, or those that the target's Pods are bound to. The Pods are read as the playbook's account.
"""

from collections.abc import Mapping
from typing import Any

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters
from paramedic.actions.reads import GetObject, Seen
from paramedic.actions.targets import find_target, look_permissions, pods_of
from paramedic.model.nodes import NodeView
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import NODE, ObjectRef
from paramedic.model.text import listing, plural, shorten
from paramedic.model.workloads import pod_ready

#: How many nodes are read; each is a request, and recovery looks again every few seconds.
_NODE_LIMIT = 50
_SHOWN = 5


class NodeStatusParameters(Parameters):
    """Looks at the nodes that the target's Pods run on, or at the target where it is a Node. Succeeds when each is
    Ready and under no pressure (memory, disk, processes, network); fails otherwise, also when that is not known, when
    no Pod is on a node, or on more than 50 of them. A cordoned or tainted node is told, and no failure. Pods that are
    being deleted count: a dead node holds them back. Outputs: nodes (of at most 5, unhealthy ones first: name, state,
    problems, taints, cordoned, pods), notReady (the names of the unhealthy ones), pods (the target's Pods on those).
    Nodes are read as the operator itself, since no Role can grant them. Write `nodeStatus: {}`.
    """


class NodeStatus(Action[NodeStatusParameters]):
    name = "nodeStatus"
    phase = "Assess"
    check = True
    parameters = NodeStatusParameters
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Node")
    example = "nodeStatus: {}"

    def permissions(self, params: NodeStatusParameters, kind: str) -> frozenset[Permission]:
        return look_permissions(kind)

    def prepare(self, params: NodeStatusParameters, ctx: Context, seen: Seen) -> Finished | Failed:
        if ctx.target.kind == NODE.kind:
            return _look_at_target(ctx, seen)
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        pods = [pod for pod in pods_of(found, seen) if dig(pod, "status", "phase") not in ("Succeeded", "Failed")]
        by_node = _by_node(pods)
        if not by_node:
            waiting = f": {plural(len(pods), 'Pod')} not scheduled yet" if pods else ""
            return Failed(
                f"{ctx.target} has no Pod on any node{waiting}, so nothing is known of its nodes", _outputs([], {})
            )
        names = list(by_node)[:_NODE_LIMIT]
        refs = {name: ObjectRef.to(NODE, "", name) for name in names}
        seen.prefetch(GetObject(ref, own=True) for ref in refs.values())
        nodes = {name: seen.get(ref, own=True) for name, ref in refs.items()}
        views = [NodeView.of(node) if node else NodeView.gone(name) for name, node in nodes.items()]
        return _verdict(str(ctx.target), views, by_node)


def _look_at_target(ctx: Context, seen: Seen) -> Finished | Failed:
    node = seen.get(ctx.target, own=True)
    if node is None:
        return Failed(f"{ctx.target} is gone from the cluster; if it was replaced, open an incident for the new node")
    if ctx.target.uid and node["metadata"]["uid"] != ctx.target.uid:
        return Failed(
            f"{ctx.target} was deleted and registered again since this incident began; open a new incident for it",
            final=True,
        )
    return _verdict("", [NodeView.of(node)], {})


def _by_node(pods: list[Object]) -> dict[str, list[str]]:
    """The Pods on each node, by name; nodes with a Pod that is not ready come first."""
    found: dict[str, list[str]] = {}
    for pod in sorted(pods, key=lambda item: (pod_ready(item), item["metadata"]["name"])):
        if node := dig(pod, "spec", "nodeName"):
            found.setdefault(node, []).append(pod["metadata"]["name"])
    return found


def _verdict(target: str, views: list[NodeView], pods: Mapping[str, list[str]]) -> Finished | Failed:
    outputs, hurt = _outputs(views, pods), [view for view in views if not view.healthy]
    about = f"{target}: " if target else ""
    if hurt:
        more = f"; and {len(hurt) - _SHOWN} more nodes" if len(hurt) > _SHOWN else ""
        return Failed(f"{about}{'; '.join(_told(view, pods) for view in hurt[:_SHOWN])}{more}", outputs)
    unseen = len(pods) - len(views) if pods else 0
    if unseen > 0:
        text = f"{len(views)} nodes are Ready, but {unseen} more were not looked at, so this is not known of all"
        return Failed(f"{about}{text}; look at them with: kubectl get nodes", outputs)
    remarks = [remark for view in views if (remark := _remark(view))]
    aside = f" ({listing(remarks)})" if remarks else ""
    return Finished(f"{about}{_all_well(views)}, without pressure{aside}", outputs)


def _all_well(views: list[NodeView]) -> str:
    return f"{NODE.kind}/{views[0].name} is Ready" if len(views) == 1 else f"{len(views)} nodes are Ready"


def _told(view: NodeView, pods: Mapping[str, list[str]]) -> str:
    on_it = f", with Pods {listing(pods[view.name], 3)} on it" if view.name in pods else ""
    return f"{NODE.kind}/{view.name} is not healthy: {listing(list(view.problems))}{on_it}"


def _remark(view: NodeView) -> str:
    """What keeps new Pods away from a node that is well."""
    if view.cordoned:
        return f"{view.name} is cordoned"
    return f"{view.name} has taints {listing(list(view.taints), 2)}" if view.taints else ""


def _outputs(views: list[NodeView], pods: Mapping[str, list[str]]) -> dict[str, Any]:
    hurt = [view for view in views if not view.healthy]
    first = (hurt + [view for view in views if view.healthy])[:_SHOWN]
    return {
        "nodes": [
            {
                "name": view.name,
                "state": view.state,
                "problems": list(view.problems),
                "taints": [shorten(taint, 100) for taint in view.taints[:_SHOWN]],
                "cordoned": view.cordoned,
                "pods": pods.get(view.name, [])[:_SHOWN],
            }
            for view in first
        ],
        "notReady": [view.name for view in hurt][:20],
        "pods": [name for view in hurt for name in pods.get(view.name, [])][:20],
    }
