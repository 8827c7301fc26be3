"""The pause as a burst of incidents asks for it: few looks, none of them older than its question."""

import asyncio

import pytest

from component.builders import HOME
from paramedic.cluster.api import Api
from paramedic.cluster.fake_http import FakeHttp
from paramedic.cluster.transport import Request, Unavailable
from paramedic.metrics import Metrics
from paramedic.pause import PauseSwitch


class Gate:
    """A transport that answers the next question when it is told to, with what is so by then."""

    def __init__(self) -> None:
        self.asked = 0
        self._answers: asyncio.Queue[object] = asyncio.Queue()

    async def send(self, request: Request) -> object:
        self.asked += 1
        answer = await self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer(self, by: str) -> None:
        meta = {"name": "paramedic-paused", "namespace": HOME, "resourceVersion": "1"}
        self._answers.put_nowait({"metadata": meta, "data": {"by": by}})

    def fail(self) -> None:
        self._answers.put_nowait(Unavailable("no answer"))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_asks_while_a_look_is_under_way_shares_the_next_one() -> None:
    gate = Gate()
    switch = PauseSwitch(Api(gate, FakeHttp()), HOME, Metrics())
    first = asyncio.create_task(switch.ask())
    await settle()
    later = [asyncio.create_task(switch.ask()) for _ in range(50)]
    await settle()
    assert gate.asked == 1
    gate.answer("alice")
    gate.answer("bob")
    assert "alice" in await first
    assert all("bob" in answer for answer in await asyncio.gather(*later))
    assert gate.asked == 2


async def test_a_look_that_fails_is_not_an_answer_for_the_others() -> None:
    gate = Gate()
    switch = PauseSwitch(Api(gate, FakeHttp()), HOME, Metrics())
    first = asyncio.create_task(switch.ask())
    await settle()
    second, third = asyncio.create_task(switch.ask()), asyncio.create_task(switch.ask())
    await settle()
    gate.fail()
    gate.fail()
    gate.answer("alice")
    for task in (first, second):
        with pytest.raises(Unavailable):
            await task
    assert "alice" in await third


async def test_each_question_after_an_answer_is_a_look_of_its_own() -> None:
    gate = Gate()
    switch = PauseSwitch(Api(gate, FakeHttp()), HOME, Metrics())
    for by in ("alice", "bob"):
        gate.answer(by)
        assert by in await switch.ask()
    assert gate.asked == 2
