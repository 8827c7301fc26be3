"""Calls that block, in threads."""

import asyncio
import threading

import pytest

from paramedic.notify.workers import Busy, Workers


async def test_what_the_call_returns_is_returned() -> None:
    assert await Workers().run("a", lambda: 42, 5) == 42


async def test_what_the_call_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await Workers().run("a", lambda: 1 // 0, 5)


async def test_a_call_that_hangs_is_left_behind_and_does_not_hold_up_other_lanes() -> None:
    workers, stuck = Workers(per_lane=1), threading.Event()
    with pytest.raises(TimeoutError):
        await workers.run("slow", stuck.wait, 0.01)
    assert await workers.run("fast", lambda: "done", 5) == "done"
    stuck.set()


async def test_a_full_lane_does_not_begin_another_call() -> None:
    workers, stuck, begun = Workers(per_lane=1), threading.Event(), []
    with pytest.raises(TimeoutError):
        await workers.run("slow", stuck.wait, 0.01)
    with pytest.raises(Busy):
        await workers.run("slow", lambda: begun.append(1), 0.01)
    assert begun == []
    stuck.set()


async def test_a_place_is_free_again_once_its_thread_has_ended() -> None:
    workers, stuck = Workers(per_lane=1), threading.Event()
    with pytest.raises(TimeoutError):
        await workers.run("slow", stuck.wait, 0.01)
    stuck.set()
    assert await workers.run("slow", lambda: "done", 5) == "done"


async def test_all_lanes_together_are_bounded() -> None:
    workers, running, most, lock = Workers(total=3, per_lane=3), 0, 0, threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        pause.wait(0.002)
        with lock:
            running -= 1

    pause = threading.Event()
    await asyncio.gather(*(workers.run(f"lane{index % 5}", call, 10) for index in range(30)))
    assert most == 3


async def test_nothing_is_kept_of_a_lane_that_is_empty() -> None:
    workers = Workers()
    await asyncio.gather(*(workers.run(f"lane{index}", lambda: None, 5) for index in range(20)))
    assert workers._lanes == {}
