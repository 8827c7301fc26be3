"""SIGINT, SIGTERM and SIGHUP as an exception, and moments in which they wait."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Counted here rather than blocked by the kernel's mask, which children would inherit and other threads not share.
_depth = 0
_waiting: int | None = None


def install() -> None:
    """From now on these signals raise Interrupted in the main thread; under nohup, a hang-up stays ignored."""
    for number in SIGNALS:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


@contextmanager
def deferred() -> Iterator[None]:
    """Keeps what belongs together together: a process and its record, or a clean-up. The signal is raised after it."""
    global _depth, _waiting
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _depth == 0 and _waiting is not None:
            number, _waiting = _waiting, None
            raise Interrupted(number)


def _handle(number: int, _frame: FrameType | None) -> None:
    global _waiting
    if _depth:
        _waiting = number
        return
    raise Interrupted(number)
