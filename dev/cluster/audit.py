"""What the API server writes into its audit log."""

from __future__ import annotations

from typing import Any

# The cluster's own programs read all the time; their reads would bury what a test looks for. Rules match whole
# names only, so each is listed.
SYSTEM_USERS = (
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:kube-proxy",
    "system:kwok",
    "localkind",
    "localkind:dns",
)
SYSTEM_GROUPS = ("system:nodes", "system:serviceaccounts:kube-system")
READS = ["get", "list", "watch"]


def policy() -> dict[str, Any]:
    """Every write by anyone, and every request of people and operators; who, what and when, without bodies."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "verbs": READS, "users": list(SYSTEM_USERS)},
            {"level": "None", "verbs": READS, "userGroups": list(SYSTEM_GROUPS)},
            {"level": "Metadata"},
        ],
    }
