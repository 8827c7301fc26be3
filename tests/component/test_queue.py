"""The work queue, on a clock that stands still."""

import asyncio
from datetime import timedelta

from paramedic.clock import ManualClock
from paramedic.queue import WorkQueue


async def next_of(queue: WorkQueue[str]) -> str | None:
    """What the queue hands out now; None where it lets wait."""
    getting = asyncio.ensure_future(queue.get())
    for _ in range(5):
        await asyncio.sleep(0)
    if getting.done():
        return getting.result()
    getting.cancel()
    return None


async def test_keys_come_in_the_order_they_were_added() -> None:
    queue: WorkQueue[str] = WorkQueue(ManualClock())
    queue.add("a")
    queue.add("b")

    assert [await next_of(queue), await next_of(queue)] == ["a", "b"]


async def test_a_key_that_waits_is_there_once() -> None:
    queue: WorkQueue[str] = WorkQueue(ManualClock())
    queue.add("a")
    queue.add("a")

    assert [await next_of(queue), await next_of(queue)] == ["a", None]


async def test_a_delayed_key_comes_when_it_is_due() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a", 10)
    assert await next_of(queue) is None

    clock.advance(timedelta(seconds=10))

    assert await next_of(queue) == "a"


async def test_the_earlier_of_two_times_counts() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a", 10)
    queue.add("a", 2)
    queue.add("a", 30)

    clock.advance(timedelta(seconds=2))

    assert await next_of(queue) == "a"


async def test_a_time_that_was_replaced_does_not_bring_the_key_again() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a", 10)
    queue.add("a")
    assert await next_of(queue) == "a"
    queue.done("a")

    clock.advance(timedelta(seconds=10))

    assert await next_of(queue) is None


async def test_a_key_in_work_is_not_handed_to_a_second_worker() -> None:
    queue: WorkQueue[str] = WorkQueue(ManualClock())
    queue.add("a")
    assert await next_of(queue) == "a"

    queue.add("a")

    assert await next_of(queue) is None


async def test_a_key_asked_for_while_in_work_comes_again_after_it() -> None:
    queue: WorkQueue[str] = WorkQueue(ManualClock())
    queue.add("a")
    await next_of(queue)
    queue.add("a")
    queue.add("a")

    queue.done("a")

    assert [await next_of(queue), await next_of(queue)] == ["a", None]


async def test_a_closed_queue_hands_nothing_out() -> None:
    queue: WorkQueue[str] = WorkQueue(ManualClock())
    queue.add("a")

    queue.close()

    assert await next_of(queue) is None


async def test_depth_and_age_tell_of_keys_that_are_due() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a")
    queue.add("b", 60)

    clock.advance(timedelta(seconds=7))

    assert (queue.depth, queue.oldest) == (1, 7)


async def test_it_is_idle_once_all_work_is_done() -> None:
    queue: WorkQueue[str] = WorkQueue(ManualClock())
    queue.add("a")
    await next_of(queue)
    waiting = asyncio.ensure_future(queue.wait_idle())
    await asyncio.sleep(0)
    assert not waiting.done()

    queue.done("a")

    await waiting


async def test_a_new_key_wakes_one_worker_and_not_all_of_them() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    looks = 0
    monotonic = clock.monotonic

    def counted() -> float:
        nonlocal looks
        looks += 1
        return monotonic()

    clock.monotonic = counted  # type: ignore[method-assign]
    queue.add("later", 100)
    workers = [asyncio.ensure_future(queue.get()) for _ in range(32)]
    for _ in range(5):
        await asyncio.sleep(0)
    looks = 0

    queue.add("a")
    for _ in range(5):
        await asyncio.sleep(0)

    assert sum(worker.done() for worker in workers) == 1
    assert looks < 10
    for worker in workers:
        worker.cancel()


async def test_a_worker_that_is_ended_while_it_waits_leaves_the_others_at_work() -> None:
    queue: WorkQueue[str] = WorkQueue(ManualClock())
    first, second = (asyncio.ensure_future(queue.get()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)

    queue.add("a")

    assert await second == "a"


async def test_how_late_a_key_was_tells_how_long_the_line_is() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a")
    queue.add("b", 2)
    clock.advance(timedelta(seconds=3))

    assert [(await next_of(queue), queue.late) for _ in range(2)] == [("a", 3.0), ("b", 1.0)]
