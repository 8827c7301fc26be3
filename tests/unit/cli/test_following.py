"""Following one incident: what a watch that drops, ends, is refused or tells of the end means."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from paramedic.cli.screens.view import View
from paramedic.cli.watching import Lines, watch
from paramedic.clock import ManualClock
from paramedic.cluster.caller import Caller
from paramedic.cluster.following import Gone, follow
from paramedic.cluster.transport import ApiError, Request, Unavailable
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, ObjectRef
from unit.cli.recorded import SITUATIONS

REF = ObjectRef.to(INCIDENT, "shop", "checkout-down")


def version(number: int, situation: str = "running") -> Object:
    found = SITUATIONS[situation]
    return found | {"metadata": found["metadata"] | {"resourceVersion": str(number)}}


def event(obj: Object, kind: str = "MODIFIED") -> Object:
    return {"type": kind, "object": obj}


@dataclass
class Script:
    """A server that answers reads and watches one after the other as a test says; an exception is raised."""

    reads: list[Any]
    watches: list[list[Any]] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Any:
        self.asked.append(request)
        if request.path != REF.path:
            raise ApiError(403, "Forbidden", "no")
        answer = self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        self.asked.append(request)
        for item in self.watches.pop(0) if self.watches else [asyncio.Event()]:
            if isinstance(item, Exception):
                raise item
            if isinstance(item, asyncio.Event):
                await item.wait()
            yield item

    async def close(self) -> None:
        """There is nothing to close."""


async def seen(script: Script, most: int) -> list[Any]:
    """The first so many things that following yields: versions, or `lost`."""
    found: list[Any] = []
    async for item in follow(script, REF, ManualClock()):
        found.append("lost" if isinstance(item, Unavailable) else item["metadata"]["resourceVersion"])
        if len(found) == most:
            break
    return found


async def test_the_watch_begins_where_the_read_was_and_is_for_the_one_object() -> None:
    script = Script([version(5)], [[event(version(6))]])
    assert await seen(script, 2) == ["5", "6"]
    asked = script.asked[1].query or {}
    assert (asked["fieldSelector"], asked["resourceVersion"]) == ("metadata.name=checkout-down", "5")


async def test_a_watch_that_drops_is_told_and_begun_again_with_a_read() -> None:
    script = Script([version(5), version(7)], [[event(version(6)), Unavailable("cut")], [event(version(8))]])
    assert await seen(script, 5) == ["5", "6", "lost", "7", "8"]


async def test_a_watch_that_the_server_ends_is_begun_again_without_a_word() -> None:
    script = Script([version(5)], [[], [event(version(6))]])
    assert await seen(script, 2) == ["5", "6"]


async def test_history_that_is_gone_is_read_anew() -> None:
    script = Script([version(5), version(9)], [[event({"code": 410}, "ERROR")], [event(version(10))]])
    assert await seen(script, 3) == ["5", "9", "10"]
    script = Script([version(5), version(9)], [[ApiError(410, "Expired", "too old")], [event(version(10))]])
    assert await seen(script, 3) == ["5", "9", "10"]


async def test_who_may_not_watch_polls() -> None:
    refused = [ApiError(403, "Forbidden", "no")]
    script = Script([version(5), version(5), version(6)], [refused, refused, refused])
    assert await seen(script, 2) == ["5", "6"]


async def test_an_object_that_is_deleted_is_gone() -> None:
    with pytest.raises(Gone):
        await seen(Script([version(5)], [[event(version(5), "DELETED")]]), 9)
    with pytest.raises(Gone):
        await seen(Script([ApiError(404, "NotFound", "no")]), 9)


async def test_a_refused_read_is_raised() -> None:
    with pytest.raises(ApiError):
        await seen(Script([ApiError(403, "Forbidden", "no")]), 9)


@dataclass
class Recorder(Lines):
    """A screen that keeps what it is shown."""

    shown: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def show(self, view: View, lost: str) -> None:
        self.shown.append((view.status.phase, lost))
        super().show(view, lost)


async def test_watching_ends_with_the_phase_that_the_incident_ended_in(capsys: pytest.CaptureFixture[str]) -> None:
    script = Script([version(5), version(6, "resolved")], [[event(version(6, "resolved"))]])
    screen = Recorder()
    assert await watch(Caller(script), REF, "", screen, ManualClock()) == "Resolved"
    assert screen.shown[-1] == ("Resolved", "")
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "✔ Resolved: recovered: every check held for 30s"
    assert not any("\x1b" in line for line in said)


async def test_a_cluster_that_never_answers_is_an_error_rather_than_a_silent_wait() -> None:
    with pytest.raises(Unavailable):
        await watch(Caller(Script([Unavailable("refused")])), REF, "", Lines(), ManualClock())


def test_a_lost_connection_is_one_line_until_it_is_back(capsys: pytest.CaptureFixture[str]) -> None:
    from unit.cli.recorded import view

    lines = Lines()
    for lost in ("", "cut", "cut", "", "cut"):
        lines.show(view("approval"), lost)
    said = [line for line in capsys.readouterr().out.splitlines() if "connection lost" in line]
    assert said == ["03:00:00Z ? connection lost, trying again: cut"] * 2
