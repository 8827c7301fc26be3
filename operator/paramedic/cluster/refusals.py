"""The API server's 403 in words that say what is missing and who must grant it."""

import re

from paramedic.cluster.transport import ApiError

_RBAC = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>[\w:-]+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
)


def explain_refusal(error: ApiError, user: str) -> str:
    """One sentence. ``user`` is who was to act, empty for the operator itself."""
    found = _RBAC.search(error.message)
    who = _who(user)
    if found is None:
        return f"the API server refuses {who}: {error.message}"
    resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
    if "impersonate" in found["verb"]:
        return f"the operator may not act as {who} ({found['verb']} on {resource}); grant it as manifests/base and manifests/responder show"
    return f'{_who(found["user"])} may not "{found["verb"]} {resource}"; grant it with a Role and a RoleBinding'


def _who(user: str) -> str:
    if not user:
        return "the operator"
    if user.startswith("system:serviceaccount:"):
        _, _, namespace, name = user.split(":", 3)
        return f"ServiceAccount {name} in namespace {namespace}"
    return f"user {user}"
