"""Notes of what must end by itself: Leases in the operator's own namespace, where nobody else has reason to write."""

import json
from typing import Any

from paramedic.actions.effects import Hold, Outcome, Result
from paramedic.cluster.transport import ApiError, Request, Transport, Unavailable
from paramedic.model.names import FIELD_MANAGER, HOLD_ANNOTATION, canonical
from paramedic.model.objects import Object, annotations
from paramedic.model.references import LEASE


def lease_of(hold: Hold, home: str) -> Object:
    shown = hold.shown
    marks = shown["metadata"]["annotations"] | {HOLD_ANNOTATION: canonical(hold.content)}
    return shown | {"metadata": shown["metadata"] | {"namespace": home, "annotations": marks}}


def content_of(lease: Object) -> Any:
    """What a note says. Raises KeyError and ValueError for a Lease that is none."""
    return json.loads(annotations(lease)[HOLD_ANNOTATION])


async def keep_hold(transport: Transport, home: str, hold: Hold, timeout: float) -> Outcome:
    """Stores a note as the operator itself. Never raises."""
    path, query = LEASE.path(home), {"fieldManager": FIELD_MANAGER}
    try:
        await transport.send(Request("POST", path, query, lease_of(hold, home), timeout=timeout))
    except Unavailable as error:
        return Outcome(Result.UNKNOWN, str(error))
    except ApiError as error:
        if error.reason == "AlreadyExists":
            return Outcome(Result.EXISTED, error.message)
        text = f"that it must end could not be written down in namespace {home}, so it was not begun: {error.message}"
        return Outcome(Result.REFUSED, text)
    return Outcome(Result.DONE)
