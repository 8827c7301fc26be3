"""Threads for calls that block. A call that hangs keeps neither the event loop, nor other channels, nor the process."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Busy(Exception):
    """No thread came free in time: the call was not begun."""


@dataclass
class _Lane:
    places: asyncio.Semaphore
    users: int = 0  # who holds a place or waits for one


class Workers:
    """At most so many threads, and so many of them for one lane. They are daemons: the process does not wait for them."""

    def __init__(self, total: int = 64, per_lane: int = 8) -> None:
        self._total, self._per_lane = asyncio.Semaphore(total), per_lane
        self._lanes: dict[str, _Lane] = {}

    async def run(self, lane: str, call: Callable[[], T], seconds: float) -> T:
        """What the call returns. Raises Busy, TimeoutError when it takes longer, or what the call raises.

        A thread that takes longer goes on, and keeps its place until it ends.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        try:
            async with asyncio.timeout_at(end):
                await self._enter(lane)
        except TimeoutError:
            raise Busy from None
        done: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            outcome = _attempt(call)
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(settle, outcome)

        def settle(outcome: T | Exception) -> None:
            self._leave(lane)
            if done.done():
                return
            if isinstance(outcome, Exception):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)

        threading.Thread(target=work, daemon=True, name=f"notify-{lane}").start()
        async with asyncio.timeout_at(end):
            return await done

    async def _enter(self, name: str) -> None:
        lane = self._lanes.setdefault(name, _Lane(asyncio.Semaphore(self._per_lane)))
        lane.users += 1
        try:
            await lane.places.acquire()
            try:
                await self._total.acquire()
            except BaseException:
                lane.places.release()
                raise
        except BaseException:
            self._forget(name)
            raise

    def _leave(self, name: str) -> None:
        self._total.release()
        self._lanes[name].places.release()
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._lanes[name].users -= 1
        if not self._lanes[name].users:
            del self._lanes[name]


def _attempt(call: Callable[[], T]) -> T | Exception:
    try:
        return call()
    except Exception as error:
        return error
