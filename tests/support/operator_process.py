"""The operator as its users run it: `paramedic run`, a process of its own."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from support.kube import clean_environment


class Operator:
    """One running operator. Its log is kept in a file and shown when it does not start."""

    def __init__(self, kubeconfig: str, namespace: str, log: Path, *options: str) -> None:
        self._arguments = [f"--kubeconfig={kubeconfig}", f"--namespace={namespace}", *options]
        self._log = log
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> "Operator":
        if self.exit_code is None and self._process is not None:
            raise RuntimeError("it runs already")
        self.port = free_port()
        command = [sys.executable, "-m", "paramedic", "run", f"--ops=127.0.0.1:{self.port}", "--log-format=text"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=clean_environment()
            )
        if wait:
            self._wait_until_ready()
        return self

    def _wait_until_ready(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.exit_code is not None:
                break
            if self.answers("/readyz"):
                return
            time.sleep(0.05)
        raise AssertionError(f"the operator was not ready in time:\n{self.log[-3000:]}")

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def kill(self) -> None:
        """As a machine that dies: no last word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = 20) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> int:
        """As Kubernetes stops it: SIGTERM, and time to end."""
        if self._process is None or self._process.poll() is not None:
            return self.exit_code or 0
        self._process.terminate()
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
