"""What the operator may do as a playbook's account: the verbs of constrained impersonation (KEP-5284), from what the
actions declare. A RoleBinding in a namespace lets it do so there; the account's own permissions still bound it.
"""

from typing import Any

from paramedic.actions.registry import ACTIONS
from paramedic.codegen.rbac import looking, widest_permissions
from paramedic.model.permissions import Permission, rules_of
from paramedic.model.references import SECRET

NAME = "paramedic-impersonation"
_PREFIX = "impersonate-on:serviceaccount:"


def impersonation_role() -> dict[str, Any]:
    """The ClusterRole that manifests/responder binds to the operator."""
    needed = looking().union(*(widest_permissions(action) for action in ACTIONS.values()))
    needed.add(Permission.to("get", SECRET))  # where the URLs of channels are kept
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/part-of": "paramedic"}},
        "rules": [{**rule, "verbs": [_PREFIX + verb for verb in rule["verbs"]]} for rule in rules_of(needed)],
    }
