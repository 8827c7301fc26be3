"""Programs under measurement: started, asked whether they are up, weighed, killed."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_POLL = 0.005  # seconds between two questions whether a program is up
_STOP = 20.0  # seconds for a program to end by itself


class Failed(Exception):
    """The benchmark cannot go on. The text says why and what to look at."""


class Program:
    """One program, with its log in a file."""

    def __init__(self, name: str, command: Sequence[str], health: str, log: Path) -> None:
        """``health`` is the URL that answers 200 once it is up."""
        self.name, self._command, self._health, self._log = name, list(command), health, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 60.0) -> float:
        """Starts it. Seconds until it was up. Raises Failed."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PARAMEDIC_")}
        begun = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        while time.monotonic() < begun + seconds:
            if self._process.poll() is not None:
                break
            if _answers(self._health):
                return time.monotonic() - begun
            time.sleep(_POLL)
        raise Failed(f"{self.name} did not come up; its log, {self._log}, ends:\n{self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """As a machine that dies: no last word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP)

    def stop(self) -> None:
        """As Kubernetes stops it."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.kill()

    def memory(self, field: str = "VmRSS") -> float:
        """Resident memory in MB; with VmHWM, the most that it ever was."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
        return int(line.split()[1]) / 1000

    def cpu_seconds(self) -> float:
        """Processor time that it has used since it started."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def _pid(self) -> int:
        if self._process is None:
            raise Failed(f"{self.name} does not run")
        return self._process.pid


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
