"""Writes that the API server only tries: it says whether it would take them, and stores nothing."""

from paramedic.actions.reads import TryPatch
from paramedic.cluster.refusals import explain_refusal
from paramedic.cluster.transport import MERGE_PATCH, ApiError, Request, Transport
from paramedic.model.names import FIELD_MANAGER


async def try_patch(transport: Transport, question: TryPatch, user: str) -> str:
    """Why a merge patch would be refused; empty if it would not. Raises ApiError (409: it changed) and Unavailable."""
    query = {"dryRun": "All", "fieldManager": FIELD_MANAGER}
    try:
        await transport.send(Request("PATCH", question.ref.path, query, question.patch, MERGE_PATCH, user))
    except ApiError as error:
        if error.status == 409:
            raise  # others got in between: no answer yet, so it is asked again
        return explain_refusal(error, user) if error.status == 403 else error.message
    return ""
