"""What to look at next: each key at most once, some not before their time, none by two workers at once."""

import asyncio
import contextlib
import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

from paramedic.clock import Clock

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """A deduplicating queue with a delay heap. Times are seconds of the clock's monotonic count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = 0
        self.late = 0.0  # how late the key that was handed out last was, in seconds
        self._working: dict[K, float | None] = {}  # a key in work, and when it was asked for again meanwhile
        # One worker watches for the next key and the others stand in line: a new key would wake all of them else.
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, key: K, after: float = 0.0) -> None:
        """Asks for a key after this many seconds. The earlier of two times counts."""
        due = self._clock.monotonic() + after
        if key in self._working:
            again = self._working[key]
            self._working[key] = due if again is None else min(due, again)
            return
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._order += 1
            heapq.heappush(self._heap, (due, self._order, key))
            self._changed.set()

    async def get(self) -> K:
        """The next key that is due; `done` must be called when its work is over."""
        async with self._turn:
            while True:
                pause = None if self._closed else self._take_stale()
                if pause is not None and pause <= 0:
                    return self._hand_out()
                self._changed.clear()
                # Not wait_for, which in Python 3.11 can swallow a cancellation: the worker would outlive its lease.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._changed.wait()

    def _hand_out(self) -> K:
        due, _, key = heapq.heappop(self._heap)
        self.late = self._clock.monotonic() - due
        del self._due[key]
        self._working[key] = None
        self._idle.clear()
        return key

    def close(self) -> None:
        """Hands nothing out any more."""
        self._closed = True

    def done(self, key: K) -> None:
        """The work on a key is over; if it was asked for meanwhile, it is due again."""
        again = self._working.pop(key)
        if not self._working:
            self._idle.set()
        if again is not None:
            self.add(key, again - self._clock.monotonic())

    def _take_stale(self) -> float | None:
        """Drops entries that an earlier time has replaced. Seconds until the first is due; None when there is none."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due:
                return due - self._clock.monotonic()
            heapq.heappop(self._heap)
        return None

    @property
    def depth(self) -> int:
        """Keys that are due and wait for a worker."""
        now = self._clock.monotonic()
        return sum(due <= now for due in self._due.values())

    @property
    def oldest(self) -> float:
        """For how many seconds the key that is due for longest has waited."""
        now = self._clock.monotonic()
        return max((now - due for due in self._due.values() if due <= now), default=0.0)

    async def wait_idle(self) -> None:
        """Returns once nothing is in work."""
        await self._idle.wait()
