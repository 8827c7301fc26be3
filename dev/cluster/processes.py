"""Starting programs in the background, and ending exactly those, never a stranger that got the same pid."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ComponentFailed, LocalkindError

# In every child's environment, with the cluster's state folder as its value: finds what a killed command left behind.
MARKER = "PARAMEDIC_LOCALKIND_STATE"
# All that the programs need. Proxy settings above all must not reach them: the API server would send its calls
# to webhooks and kubelets through the proxy.
KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
POLL_SECONDS = 0.02
LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class Process:
    """A running program. `started` is its start in clock ticks since boot: pid and start together are unique."""

    name: str
    pid: int
    started: int
    log: str


def start_ticks(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None when it is gone or only a zombie is left.

    Source: field 22 of /proc/PID/stat, proc_pid_stat(5). The command name before it may hold spaces and brackets.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if after_name[0] in ("Z", "X") else int(after_name[19])


def alive(process: Process) -> bool:
    """Whether this very process still runs; a reused pid does not count."""
    return start_ticks(process.pid) == process.started


def start(name: str, command: Sequence[str], log: Path, state: Path, extra: Mapping[str, str] | None = None) -> Process:
    """Starts a program in a session of its own, so that the terminal's Ctrl-C does not reach it.

    Raises LocalkindError when the program cannot be run at all.
    """
    environment = {key: os.environ[key] for key in KEPT_ENVIRONMENT if key in os.environ}
    environment |= {MARKER: str(state), **(extra or {})}
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, cwd=state, env=environment,
                umask=0o022,  # containerd hands it on to the root folders of containers
            )  # fmt: skip
        except OSError as error:
            raise LocalkindError(f"cannot start {name}: {error}") from error
    started = start_ticks(child.pid)
    # Popen reaps and warns when it is forgotten while its child runs; this child is meant to outlive us.
    child.returncode = 0
    if started is None:
        raise ComponentFailed(name, "ended at once", tail(log))
    return Process(name, child.pid, started, str(log))


def require_alive(processes: Iterable[Process]) -> None:
    """Raises ComponentFailed for the first process that has ended."""
    for process in processes:
        if not alive(process):
            raise ComponentFailed(process.name, "ended", tail(Path(process.log)))


def stop(processes: Iterable[Process], grace: float) -> None:
    """Ends the processes: SIGTERM, then after `grace` seconds SIGKILL (at once when it is 0)."""
    running = [process for process in processes if alive(process)]
    if grace > 0:
        for process in running:
            _send(process, signal.SIGTERM)
        running = _remaining(running, grace)
    for process in running:
        _send(process, signal.SIGKILL)
    if _remaining(running, 5.0):
        names = ", ".join(f"{process.name} (pid {process.pid})" for process in _remaining(running, 0))
        raise LocalkindError(f"could not end {names}; they may hang in the kernel, see `cat /proc/PID/stack`")


def strays(state: Path) -> list[Process]:
    """Processes that carry this cluster's marker, recorded or not (a killed command may not have recorded its last)."""
    wanted = f"{MARKER}={state}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            name = (entry / "comm").read_text().strip()
        except OSError:
            continue  # ended meanwhile, or another user's
        started = start_ticks(int(entry.name))
        if started is not None:
            found.append(Process(name, int(entry.name), started, ""))
    return found


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _send(process: Process, number: signal.Signals) -> None:
    """Signals through a pidfd that is checked after it was opened, so the pid cannot change hands in between."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if alive(process):
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _remaining(processes: Iterable[Process], seconds: float) -> list[Process]:
    deadline = time.monotonic() + seconds
    left = [process for process in processes if alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [process for process in left if alive(process)]
    return left
