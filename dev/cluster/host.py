"""What a kubelet changes on the whole machine: control groups and kernel settings; made here, and put back."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LocalkindError

CGROUPS = Path("/sys/fs/cgroup")
# Short, because the path of a socket has 107 characters at most; and gone after a reboot, as the nodes are.
RUN = Path("/run/paramedic-localkind")
# The kubelet sets these (kubernetes: pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables).
SETTINGS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
END_SECONDS = 10.0


def enter(name: str) -> Path:
    """Makes the node's run-time folder, remembering the kernel's settings if it is the first on this machine."""
    with _locked():
        if not any(entry.is_dir() for entry in RUN.iterdir()):
            values = {setting: _setting(setting).read_text().strip() for setting in SETTINGS}
            (RUN / "settings.json").write_text(json.dumps(values))
        folder = RUN / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    return folder


def leave(name: str) -> None:
    """Removes the run-time folder; the last node on this machine puts the settings back."""
    with _locked():
        shutil.rmtree(RUN / name, ignore_errors=True)
        saved = RUN / "settings.json"
        if saved.exists() and not any(entry.is_dir() for entry in RUN.iterdir()):
            for setting, value in json.loads(saved.read_text()).items():
                if _setting(setting).read_text().strip() != value:
                    _setting(setting).write_text(value)
            saved.unlink()


def make_cgroups(name: str) -> None:
    """Makes the group under which the kubelet puts all Pods, in every hierarchy of control groups."""
    for hierarchy in _hierarchies():
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        for inherited in ("cpuset.cpus", "cpuset.mems"):
            # A new group of version 1 has no processors until it is given some.
            if (hierarchy / "tasks").exists() and (group / inherited).exists():
                (group / inherited).write_text((hierarchy / inherited).read_text())


def end_cgroups(name: str) -> None:
    """Ends every process in the groups, and removes them. Raises LocalkindError when they do not empty."""
    groups = [hierarchy / name for hierarchy in _hierarchies() if (hierarchy / name).is_dir()]
    deadline = time.monotonic() + END_SECONDS
    while members := {pid for group in groups for pid in _members(group)}:
        if time.monotonic() > deadline:
            raise LocalkindError(f"processes {sorted(members)} of the control group {name} do not end")
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for group in groups:
        for folder, _, _ in os.walk(group, topdown=False):
            _remove_group(Path(folder), deadline)


def _remove_group(folder: Path, deadline: float) -> None:
    """A group stays busy for a moment after its last process."""
    while folder.exists():
        try:
            folder.rmdir()
        except OSError as error:
            if time.monotonic() > deadline:
                raise LocalkindError(f"cannot remove the control group {folder}: {error}") from error
            time.sleep(0.05)


def _members(group: Path) -> Iterator[int]:
    for folder, _, _ in os.walk(group):
        with contextlib.suppress(OSError):
            yield from (int(pid) for pid in (Path(folder) / "cgroup.procs").read_text().split())


def _hierarchies() -> list[Path]:
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    mounted = [folder for folder in CGROUPS.iterdir() if (folder / "cgroup.procs").exists()]
    return sorted({folder.resolve() for folder in mounted})


def _setting(name: str) -> Path:
    return Path("/proc/sys") / name


@contextmanager
def _locked() -> Iterator[None]:
    RUN.mkdir(mode=0o700, exist_ok=True)
    with (RUN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
