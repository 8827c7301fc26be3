"""A program in a pseudo-terminal: what it paints, what is typed, how it ends."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r")
_HOME = "\x1b[H"
ENTER_ALTERNATE, LEAVE_ALTERNATE, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


class TerminalSession:
    """One running program, on a terminal of this size."""

    def __init__(self, command: list[str], environment: dict[str, str], rows: int = 24, columns: int = 80) -> None:
        self.output = ""
        self.started = time.monotonic()
        self.first_paint: float | None = None  # seconds from the start
        self._code: int | None = None
        self._pid, self._file = pty.fork()
        if self._pid == 0:
            # As the shell of a terminal does: tests that were started in the background ignore it, and that is inherited.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            wanted = environment | {"TERM": "xterm-256color"}
            os.execvpe(command[0], command, {key: wanted[key] for key in wanted if key not in ("LINES", "COLUMNS")})
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._file, text.encode())

    def wait_for(self, text: str | Callable[[list[str]], bool], seconds: float = 30) -> list[str]:
        """The screen once it shows this. Fails with what it showed instead."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._read(0.1)
            screen = self.screen
            if text(screen) if callable(text) else any(text in line for line in screen):
                return screen
            if self._code is not None:
                break
        raise AssertionError(f"{text!r} was not shown:\n" + "\n".join(self.screen) + f"\n{self.output[-2000:]!r}")

    def ends(self, seconds: float = 30) -> int:
        """The exit code."""
        deadline = time.monotonic() + seconds
        while self._code is None and time.monotonic() < deadline:
            self._read(0.1)
        if self._code is None:
            self.close()
            raise AssertionError("it did not end:\n" + "\n".join(self.screen))
        return self._code

    @property
    def screen(self) -> list[str]:
        """What was painted last, as plain lines."""
        found = _ESCAPE.sub("", self.output.rpartition(_HOME)[2]).split("\n")
        return [line.rstrip() for line in found]

    @property
    def text(self) -> str:
        """All that was ever painted, without colour."""
        return _ESCAPE.sub("", self.output)

    def close(self) -> None:
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._code = -signal.SIGKILL

    def _read(self, seconds: float) -> None:
        ready, _, _ = select.select([self._file], [], [], seconds)
        if ready:
            try:
                data = os.read(self._file, 65536)
            except OSError:  # the program has closed the terminal
                data = b""
            if data and self.first_paint is None:
                self.first_paint = time.monotonic() - self.started
            self.output += data.decode(errors="replace")
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
                while select.select([self._file], [], [], 0)[0]:
                    try:
                        self.output += os.read(self._file, 65536).decode(errors="replace")
                    except OSError:
                        break
