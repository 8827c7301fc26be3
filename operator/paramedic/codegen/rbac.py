"""ClusterRoles for the playbooks' accounts, one for each action, from what the actions declare.

Bind them to a ServiceAccount with a RoleBinding, and it may do that action in that one namespace.
"""

from typing import Any

import yaml

from paramedic.actions.contract import Action, Parameters
from paramedic.actions.needs import helpful, needed
from paramedic.actions.patch_fields import ALLOWED
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
        more = widest_permissions(action) - look
        if more:
            roles.append(_role(name, more | look))
    return roles


def _role(name: str, permissions: set[Permission]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": f"paramedic-action-{name.lower()}",
            "labels": {"app.kubernetes.io/part-of": "paramedic", "paramedic.dev/action": name},
        },
        "rules": rules_of(permissions),
    }
