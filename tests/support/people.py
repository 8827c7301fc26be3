"""People of one namespace and what they do to its incidents, for the tests of manifests/admission."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.kube import Kube, KubectlFailed

OPERATOR = "system:serviceaccount:paramedic-system:paramedic"
#: The hash of the plan that `plan` stores.
HASH = "3f9a27c1d0b4" + "0" * 52
Object = dict[str, Any]


def rbac(kind: str, name: str, **content: Any) -> Object:
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}} | content


def binding(user: str, role: str, kind: str = "ClusterRole") -> Object:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    return rbac("RoleBinding", f"{user.replace(':', '-')}-{role}", roleRef=ref, subjects=[subject])


def role(name: str, *rules: tuple[str, str, list[str], list[str]]) -> Object:
    """Rules: group, resource, verbs, names."""
    return rbac(
        "Role",
        name,
        rules=[
            {"apiGroups": [group], "resources": [resource], "verbs": verbs}
            | ({"resourceNames": names} if names else {})
            for group, resource, verbs, names in rules
        ],
    )


#: What plain RBAC can say, and nothing of ours: whoever has it may write any field of any incident and playbook.
WRITER = role("writer", ("paramedic.dev", "*", ["get", "create", "update", "patch"], []))
PEOPLE = [
    WRITER,
    binding("eve", "writer", "Role"),
    binding("rita", "paramedic-responder"),
    binding("alice", "paramedic-responder"),
    binding("alice", "paramedic-approver"),
    binding("bob", "paramedic-approver"),
    binding("carol", "paramedic-approver"),
    binding("ed", "paramedic-editor"),
]


def opens(shop: Kube, user: str, obj: Object) -> Object:
    """The incident as it is stored. Raises KubectlFailed."""
    shop.acting_as(user).run("create", "-f", "-", stdin=json.dumps(obj))
    return shop.get("incident", obj["metadata"]["name"])


def may_not_open(shop: Kube, user: str, obj: Object) -> str:
    with pytest.raises(KubectlFailed) as refusal:
        opens(shop, user, obj)
    assert shop.find("incident", obj["metadata"]["name"]) is None
    return denied(str(refusal.value))


def edits(shop: Kube, user: str, spec: Object) -> Object:
    shop.acting_as(user).patch("incident", "down", {"spec": spec})
    return dict(shop.get("incident", "down")["spec"])


def may_not_edit(shop: Kube, user: str, spec: Object) -> str:
    before = shop.get("incident", "down")["spec"]
    with pytest.raises(KubectlFailed) as refusal:
        edits(shop, user, spec)
    assert shop.get("incident", "down")["spec"] == before
    return denied(str(refusal.value))


def adds(shop: Kube, user: str, field: str, entry: Object) -> list[Object]:
    patch = [{"op": "add", "path": f"/spec/{field}/-", "value": entry}]
    shop.acting_as(user).run("patch", "incident", "down", "--type=json", "-p", json.dumps(patch))
    return list(shop.get("incident", "down")["spec"][field])


def may_not_add(shop: Kube, user: str, field: str, entry: Object) -> str:
    before = shop.get("incident", "down")["spec"]
    with pytest.raises(KubectlFailed) as refusal:
        adds(shop, user, field, entry)
    assert shop.get("incident", "down")["spec"] == before
    return denied(str(refusal.value))


def denied(text: str) -> str:
    """The message of the policy, without the API server's words before it."""
    assert "ValidatingAdmissionPolicy 'paramedic-" in text, text
    return text.partition("denied request: ")[2].strip()


def answer(by: str, decision: str = "Approve", **more: Any) -> Object:
    return (
        {"step": "rollback", "decision": decision, "by": by}
        | ({"planHash": HASH[:12]} if decision == "Approve" else {})
        | more
    )


def wish(name: str, by: str) -> Object:
    return {"step": name, "by": by, "reason": "not needed"}


def plan(shop: Kube) -> None:
    """What the operator stores."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": shop.namespace, "name": "web", "uid": "1"}
    planned = {"name": "rollback", "action": "rollback", "phase": "Remediate"}
    status = {
        "phase": "Waiting",
        "plan": {
            "hash": HASH,
            "frozenAt": "2026-01-01T00:00:00Z",
            "serviceAccountName": "responder",
            "target": target,
            "recovery": {"stableFor": "30s", "timeout": "10m"},
            "steps": [planned],
        },
        "steps": [planned | {"state": "Waiting"}, planned | {"name": "verify", "state": "Pending"}],
    }
    shop.run("patch", "incident", "down", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def eventually(attempt: Callable[[], object], not_yet: type[Exception] = KubectlFailed, seconds: float = 20) -> None:
    """Tries until it works: a role that was just bound is known a moment later."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()
            return
        except not_yet:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
