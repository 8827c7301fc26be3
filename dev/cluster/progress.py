"""Progress on stderr: a spinner on a terminal, plain lines with a heartbeat in a log."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

SPINNER = "|/-\\"
SPINNER_SECONDS = 0.1
HEARTBEAT_SECONDS = 20.0


def colours_wanted(stream: TextIO) -> bool:
    """Colours only where a person looks, and not against their will (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Progress:
    """Reports what is being done and for how long. `quiet` shows nothing but warnings."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._terminal = self._stream.isatty()
        self._colours = colours_wanted(self._stream)
        self._began = time.monotonic()

    def note(self, text: str) -> None:
        """One line of its own, with the seconds since the command began."""
        if not self._quiet:
            self._line(f"[{time.monotonic() - self._began:6.1f} s] {text}")

    def warn(self, text: str) -> None:
        """One line that is shown even when quiet."""
        self._line(self._paint("33", f"warning: {text}"))

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Shows `text` while the block runs, then how long it took."""
        if self._quiet:
            yield
            return
        started, over = time.monotonic(), threading.Event()
        if not self._terminal:
            self.note(text)
        ticker = threading.Thread(target=self._tick, args=(text, started, over), daemon=True)
        ticker.start()
        outcome = self._paint("31", "failed")
        try:
            yield
            outcome = self._paint("32", "done")
        finally:
            over.set()
            ticker.join()
            if self._terminal:
                self._write("\r\x1b[K")
                self.note(f"{text}: {outcome} in {time.monotonic() - started:.1f} s")

    def _tick(self, text: str, started: float, over: threading.Event) -> None:
        turn = 0
        while not over.wait(SPINNER_SECONDS if self._terminal else HEARTBEAT_SECONDS):
            spent = time.monotonic() - started
            if self._terminal:
                self._write(f"\r\x1b[K {SPINNER[turn % len(SPINNER)]} {text} ({spent:.0f} s)")
            else:
                self.note(f"still {text} ({spent:.0f} s)")
            turn += 1

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text

    def _line(self, text: str) -> None:
        self._write(text + "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
