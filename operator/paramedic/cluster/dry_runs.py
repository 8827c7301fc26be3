"""Writes that the API server only tries: it says whether it would take them, and stores nothing."""

from paramedic.actions.reads import EXISTS, TryCreate, TryPatch
from paramedic.cluster.transport import JSON_PATCH, MERGE_PATCH, ApiError, Request, Transport
from paramedic.model.names import FIELD_MANAGER

#: The reason of a 409 that says that the name is taken; any other 409 says that something changed meanwhile.
TAKEN = "AlreadyExists"
_QUERY = {"dryRun": "All", "fieldManager": FIELD_MANAGER}


async def try_create(transport: Transport, question: TryCreate, user: str) -> str:
    """Why a create would be refused; empty if it would not. Raises ApiError (403: the right is missing; 409: others got
    in between, as at a quota) and Unavailable.
    """
    path = question.resource.path(question.namespace)
    return await _try(transport, Request("POST", path, _QUERY, question.body, account=user))


async def try_patch(transport: Transport, question: TryPatch, user: str) -> str:
    """Why a patch would be refused; empty if it would not. Raises as `try_create` does."""
    kind = JSON_PATCH if isinstance(question.patch, list) else MERGE_PATCH
    query = {**_QUERY, "fieldValidation": "Strict"}
    return await _try(transport, Request("PATCH", question.ref.path, query, question.patch, kind, user))


async def _try(transport: Transport, request: Request) -> str:
    try:
        await transport.send(request)
    except ApiError as error:
        if error.reason == TAKEN:
            return EXISTS
        if error.status == 409 or (error.status == 403 and _lacks_permission(error)):
            raise  # no answer yet, so it is asked again; or one that is not about the change
        return error.message
    return ""


def _lacks_permission(error: ApiError) -> bool:
    """RBAC's refusal rather than an admission plugin's: both are 403."""
    return " cannot " in error.message and "exceeded quota" not in error.message
