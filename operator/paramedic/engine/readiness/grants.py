"""The RBAC that would grant what a playbook lacks, as YAML to be read, kept in Git, and applied."""

from collections.abc import Collection
from typing import Any

import yaml

from paramedic.engine.readiness.verdict import Readiness
from paramedic.model.permissions import Permission, rules_of

_GROUP = "rbac.authorization.k8s.io"
#: The ServiceAccount that manifests/base runs the operator as: namespace and name.
OPERATOR = ("paramedic-system", "paramedic")
#: The ClusterRoles of manifests/base with all that actions do as an account: in a namespace, and in the whole cluster.
IMPERSONATION_ROLE = "paramedic-impersonation"
CLUSTER_IMPERSONATION_ROLE = "paramedic-impersonation-cluster"
Manifest = dict[str, Any]


def rbac_for(
    readiness: Readiness, *, kinds: Collection[str] = (), everything: bool = False, operator: tuple[str, str] = OPERATOR
) -> str:
    """The objects that grant what is missing, for these kinds of targets, or for all that the playbook works on.

    The Role holds all that the playbook needs, so that applying it again, after another mend, takes nothing away.
    ``everything``: also where nothing is missing. Else the text is empty then.
    """
    wanted = {item for kind in kinds or readiness.needed for item in readiness.needed.get(kind, ())}
    lacking = {item for kind in kinds or readiness.lacking for item in readiness.lacking.get(kind, ())}
    objects: list[Manifest] = []
    if everything or not readiness.account_exists:
        meta = {"name": readiness.account, "namespace": readiness.namespace}
        objects.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    if everything or lacking or readiness.unreadable:
        objects += _allowed(readiness, wanted | readiness.secrets)
    if everything or not readiness.operator_may_act:
        objects += _acting(readiness, operator, in_cluster=any(item.clusterwide for item in wanted))
    return yaml.safe_dump_all(objects, sort_keys=False, default_flow_style=None, width=120) if objects else ""


def _allowed(readiness: Readiness, wanted: set[Permission]) -> list[Manifest]:
    namespace, role = readiness.namespace, f"{readiness.account}-{readiness.playbook}"[:253]
    subject = {"kind": "ServiceAccount", "name": readiness.account, "namespace": namespace}
    local = {item for item in wanted if not item.clusterwide}
    objects = [_role(role, namespace, local), _binding(role, namespace, "Role", role, subject)] if local else []
    if wanted - local:
        role = f"{namespace}-{role}"[:253]
        objects += [_cluster_role(role, wanted - local), _cluster_binding(role, role, subject)]
    return objects


def _acting(readiness: Readiness, operator: tuple[str, str], *, in_cluster: bool) -> list[Manifest]:
    """The operator may act as this account, and do as it what actions do (constrained impersonation, KEP-5284)."""
    namespace, account = readiness.namespace, readiness.account
    role = f"paramedic-acts-as-{account}"[:253]
    act = Permission("impersonate:serviceaccount", "serviceaccounts", "authentication.k8s.io", name=account)
    subject = {"kind": "ServiceAccount", "name": operator[1], "namespace": operator[0]}
    objects = [
        _role(role, namespace, {act}),
        _binding(role, namespace, "Role", role, subject),
        _binding("paramedic-acts-within-actions", namespace, "ClusterRole", IMPERSONATION_ROLE, subject),
    ]
    if in_cluster:
        objects.append(_cluster_binding("paramedic-acts-within-actions", CLUSTER_IMPERSONATION_ROLE, subject))
    return objects


def _role(name: str, namespace: str, permissions: set[Permission]) -> Manifest:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": f"{_GROUP}/v1", "kind": "Role", "metadata": meta, "rules": rules_of(permissions)}


def _binding(name: str, namespace: str, kind: str, role: str, subject: Manifest) -> Manifest:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": role},
        "subjects": [subject],
    }


def _cluster_role(name: str, permissions: set[Permission]) -> Manifest:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules_of(permissions),
    }


def _cluster_binding(name: str, role: str, subject: Manifest) -> Manifest:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }
