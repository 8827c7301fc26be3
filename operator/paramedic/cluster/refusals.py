"""The API server's 403 in words that say what is missing and who must grant it."""

import re

from paramedic.cluster.transport import ApiError

_RBAC = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>[\w:-]+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r"(?P<scope> at the cluster scope)?"
)
#: How the API server words the refusal of a ValidatingAdmissionPolicy.
_ADMISSION = re.compile(
    r"ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request: (?P<message>.*)", re.DOTALL
)
#: Which role of manifests/admission lets people do what with incidents.
_ROLES = {
    "get": "paramedic-viewer",
    "list": "paramedic-viewer",
    "watch": "paramedic-viewer",
    "create": "paramedic-responder",
    "patch": "paramedic-responder, or paramedic-approver to answer waiting steps",
}


def explain_refusal(error: ApiError, user: str) -> str:
    """One sentence. ``user`` is who was to act, empty for the operator itself."""
    found = _RBAC.search(error.message)
    who = _who(user)
    if found is None:
        return f"the API server refuses {who}: {error.message}"
    resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
    if "impersonate" in found["verb"]:
        return f"the operator may not act as {who} ({found['verb']} on {resource}); grant it as manifests/base and manifests/responder show"
    kinds = "a ClusterRole and a ClusterRoleBinding" if found["scope"] else "a Role and a RoleBinding"
    return f'{_who(found["user"])} may not "{found["verb"]} {resource}"; grant it with {kinds}'


def explain_to_caller(error: ApiError) -> str:
    """The API server's refusal, for the person who asked: what is missing, and which role holds it."""
    found = _RBAC.search(error.message)
    if found is not None:
        resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
        text = f'{_who(found["user"])} may not "{found["verb"]} {resource}"'
        if found["group"] != "paramedic.dev":
            return f"{text}; ask for a Role that grants it"
        return f"{text}; it takes the ClusterRole {_ROLES.get(found['verb'], _ROLES['patch'])}, bound in that namespace"
    if denied := _ADMISSION.search(error.message):
        return denied["message"]
    if error.status == 404 and "could not find the requested resource" in error.message:
        return "this cluster does not know incidents; install paramedic: kubectl apply -k manifests/base"
    if error.status == 401:
        return f"the API server does not know you: {error.message}; log in again, or name another --context"
    return error.message


def _who(user: str) -> str:
    if not user:
        return "the operator"
    if user.startswith("system:serviceaccount:"):
        _, _, namespace, name = user.split(":", 3)
        return f"ServiceAccount {name} in namespace {namespace}"
    return f"user {user}"
