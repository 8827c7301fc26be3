"""ClusterRoles for the playbooks' accounts, one for each action, from what the actions declare.

Bind them to a ServiceAccount with a RoleBinding, and it may do that action in that one namespace. What an action needs in
the whole cluster, such as on nodes, is in a ClusterRole of its own, to be bound with a ClusterRoleBinding.
"""

from typing import Any

import yaml

from paramedic.actions.contract import Action, Parameters
from paramedic.actions.needs import helpful, needed
from paramedic.actions.patching.fields import ALLOWED
from paramedic.actions.registry import ACTIONS
from paramedic.actions.targets import look_permissions
from paramedic.model.permissions import Permission, rules_of
from paramedic.model.references import POD, REPLICASET, WORKLOADS

#: Parameters under which an action needs more than with those of its example.
_WIDEST: dict[str, dict[str, Any]] = {
    "collectEvidence": {"include": ["Describe", "Events", "Logs", "Policies"]},
    "rollback": {"deleteBlockingPod": True},
    "isolate": {"pod": "any"},
    "snapshotVolumes": {"deleteOnUndo": True},
}
#: Parameters under which an action does something else than with those of its example, and so needs something else.
_OTHERWISE: dict[str, list[dict[str, Any]]] = {
    "patch": [
        {"kind": resource.kind, "set": [{"path": fields[0].path.replace("*", "any").split("|")[0], "value": "any"}]}
        for resource, fields in ALLOWED.items()
    ],
    "runJob": [{"template": {"template": {"spec": {"containers": [{}]}}}}],
    "scale": [{"nodes": {"pool": "any", "max": 1}}],
}


def widest_parameters(action: Action[Any]) -> list[Parameters]:
    """Parameters with which an action needs, taken together, all that it may ever need."""
    example = yaml.safe_load(action.example)[action.name]
    widest = [example | _WIDEST.get(action.name, {}), *_OTHERWISE.get(action.name, [])]
    return [action.parameters.model_validate(item) for item in widest]


def widest_permissions(action: Action[Any]) -> set[Permission]:
    """All that an action may ever need, for any kind of target."""
    found: set[Permission] = set()
    for params in widest_parameters(action):
        found |= action.pod_permissions(params)
        for resource in WORKLOADS:
            found |= needed(action, params, resource.kind) | helpful(action, params, resource.kind)
    return found


def looking() -> set[Permission]:
    """What finding and seeing any target takes. An incident may name a Pod or a ReplicaSet: its owner is looked for."""
    found = {permission for resource in WORKLOADS for permission in look_permissions(resource.kind)}
    return found | {Permission.to("get", POD), Permission.to("get", REPLICASET)}


def action_roles() -> list[dict[str, Any]]:
    """A ClusterRole for looking, and one for each action that needs more."""
    look = looking()
    roles = [_role("look", look)]
    for name, action in ACTIONS.items():
        more = in_namespace(widest_permissions(action)) - look
        if more:
            roles.append(_role(name, more | look))
    return roles


def cluster_roles() -> list[dict[str, Any]]:
    """A ClusterRole for each action that needs something in the whole cluster, with that alone."""
    needs = {name: in_cluster(widest_permissions(action)) for name, action in ACTIONS.items()}
    return [_role(name, needed, "paramedic-cluster") for name, needed in needs.items() if needed]


def in_namespace(permissions: set[Permission]) -> set[Permission]:
    """Those that a RoleBinding can grant."""
    return {item for item in permissions if not item.clusterwide}


def in_cluster(permissions: set[Permission]) -> set[Permission]:
    """Those that take a ClusterRoleBinding."""
    return {item for item in permissions if item.clusterwide}


def _role(name: str, permissions: set[Permission], prefix: str = "paramedic-action") -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": f"{prefix}-{name.lower()}",
            "labels": {"app.kubernetes.io/part-of": "paramedic", "paramedic.dev/action": name},
        },
        "rules": rules_of(permissions),
    }
