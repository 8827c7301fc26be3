"""What the operator may do as a playbook's account: the verbs of constrained impersonation (KEP-5284), from what the
actions declare. A RoleBinding in a namespace lets it do so there; the account's own permissions still bound it. What some
actions do in the whole cluster is in a ClusterRole of its own.
"""

from typing import Any

from paramedic.actions.registry import ACTIONS
from paramedic.codegen.rbac import in_cluster, in_namespace, looking, widest_permissions
from paramedic.model.permissions import Permission, rules_of
from paramedic.model.references import SECRET

NAME = "paramedic-impersonation"
CLUSTER_NAME = "paramedic-impersonation-cluster"
_PREFIX = "impersonate-on:serviceaccount:"


def impersonation_role() -> dict[str, Any]:
    """The ClusterRole that manifests/responder binds to the operator."""
    needed = looking() | in_namespace(_every_permission())
    needed.add(Permission.to("get", SECRET))  # where the URLs of channels are kept
    return _role(NAME, needed)


def cluster_impersonation_role() -> dict[str, Any]:
    """The ClusterRole for what actions do in the whole cluster: bound to the operator only where an admin wants that."""
    return _role(CLUSTER_NAME, in_cluster(_every_permission()))


def _every_permission() -> set[Permission]:
    return set().union(*(widest_permissions(action) for action in ACTIONS.values()))


def _role(name: str, needed: set[Permission]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "paramedic"}},
        "rules": [{**rule, "verbs": [_PREFIX + verb for verb in rule["verbs"]]} for rule in rules_of(needed)],
    }
