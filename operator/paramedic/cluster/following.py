"""One object as it changes: a watch that survives dropped connections, and polling where no watch is allowed."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from paramedic.clock import Clock
from paramedic.cluster.transport import ApiError, Request, Transport, Unavailable
from paramedic.model.objects import Object
from paramedic.model.references import ObjectRef

WATCH_SECONDS = 240  # how long the server may keep one watch open
_POLL = 2.0  # seconds between two reads where a watch is not allowed
_AGAIN = (0.5, 1.0, 2.0, 5.0)  # seconds before the next attempt, the last one for all that follow


class Streaming(Transport, Protocol):
    """A transport that can also follow an answer that goes on."""

    def stream(self, request: Request) -> AsyncIterator[Any]:
        """The values of an answer that goes on. Raises ApiError and Unavailable."""


class Gone(Exception):
    """The object is not there, or not any more."""


async def follow(transport: Streaming, ref: ObjectRef, clock: Clock) -> AsyncIterator[Object | Unavailable]:
    """The object as it is now, then after each change, without end. An `Unavailable` tells that the connection is lost
    for now; it is tried again. Raises Gone, and ApiError where reading it is refused.
    """
    lost = 0
    version = ""
    while True:
        try:
            obj = await _read(transport, ref)
            lost = 0
            if obj["metadata"]["resourceVersion"] != version:
                version = obj["metadata"]["resourceVersion"]
                yield obj
            async for obj in _changes(transport, ref, version):
                version = obj["metadata"]["resourceVersion"]
                yield obj
            await clock.sleep(_AGAIN[0])  # servers and proxies end a watch now and then; never ask in a busy loop
        except Unavailable as error:
            yield error
            await clock.sleep(_AGAIN[min(lost, len(_AGAIN) - 1)])
            lost += 1
        except _NoWatch:
            await clock.sleep(_POLL)


class _NoWatch(Exception):
    """The caller may get the object, but not watch it."""


async def _read(transport: Streaming, ref: ObjectRef) -> Object:
    try:
        found: Object = await transport.send(Request("GET", ref.path))
    except ApiError as error:
        if error.status == 404:
            raise Gone(str(ref)) from None
        raise
    return found


async def _changes(transport: Streaming, ref: ObjectRef, version: str) -> AsyncIterator[Object]:
    """The object after each change, until the server ends the watch or its history does not reach back so far."""
    query = {
        "watch": "true",
        "fieldSelector": f"metadata.name={ref.name}",
        "resourceVersion": version,
        "timeoutSeconds": str(WATCH_SECONDS),
    }
    request = Request("GET", ref.resource.path(ref.namespace), query, timeout=WATCH_SECONDS + 15.0)
    try:
        async for event in transport.stream(request):
            if event["type"] == "DELETED":
                raise Gone(str(ref))
            if event["type"] == "ERROR":
                return
            yield event["object"]
    except ApiError as error:
        if error.status == 403:
            raise _NoWatch from None
        if error.status != 410:
            raise
