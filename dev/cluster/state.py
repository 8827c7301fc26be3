"""Where clusters live on disk, and what is remembered of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import processes
from .errors import LocalkindError
from .interrupts import deferred
from .processes import Process

# kind's own rule (its pkg/cluster/internal/create/create.go), plus a length that keeps every derived name valid.
NAME_PATTERN = re.compile(r"^[a-z0-9.-]{1,50}$")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def home() -> Path:
    """The folder of all clusters."""
    if chosen := os.environ.get("PARAMEDIC_LOCALKIND_HOME"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base).absolute() / "paramedic" / "localkind"


def cache() -> Path:
    """The folder of the built programs; safe to delete, a build fills it again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "paramedic" / "bin"


def valid_name(name: str) -> bool:
    """Whether `name` may name a cluster (and with that a folder: no slashes, not `.` or `..`)."""
    return bool(NAME_PATTERN.match(name)) and name.strip(".") != ""


@dataclass
class Cluster:
    """One cluster: its folder, its processes, and where it put its context."""

    name: str
    folder: Path
    server: str = ""
    kubeconfig: str = ""
    boot_id: str = ""
    creator: Process | None = None  # the command that makes it, alive as long as it does
    retained: bool = False
    real_node: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    @property
    def context(self) -> str:
        """The name of its kubeconfig context, as kind names it."""
        return f"kind-{self.name}"

    def path(self, *parts: str) -> Path:
        """A path inside the cluster's folder."""
        return self.folder.joinpath(*parts)

    def save(self) -> None:
        """Writes what is known, in one rename, so that a reader never sees half of it."""
        content = asdict(self)
        del content["folder"]
        temporary = self.path("cluster.json.new")
        temporary.write_text(json.dumps(content, indent=2) + "\n")
        temporary.rename(self.path("cluster.json"))

    def run(self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None) -> Process:
        """Starts a program of this cluster, and remembers it at once: should we be killed, `delete` finds it."""
        with deferred():
            process = processes.start(name, command, self.path("logs", f"{name}.log"), self.folder, extra)
            self.processes.append(process)
            self.save()
        return process

    def dead(self) -> bool:
        """Whether nothing of it runs any more (after a reboot, say), and nobody wanted to look into it."""
        known = [*self.processes, *([self.creator] if self.creator else [])]
        return not self.retained and not any(processes.alive(process) for process in known)


def create(name: str) -> Cluster:
    """Makes the cluster's folder, readable by its owner alone. Raises LocalkindError when there is one already.

    The folder appears in one rename, so nobody ever sees it without its state.
    """
    home().mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = Path(tempfile.mkdtemp(dir=home(), prefix="_new-"))  # no cluster's name has an underscore
    creator = Process("localkind", os.getpid(), processes.start_ticks(os.getpid()) or 0, "")
    cluster = Cluster(name, unfinished, boot_id=_boot_id(), creator=creator)
    cluster.path("logs").mkdir()
    cluster.save()
    try:
        unfinished.rename(home() / name)
    except OSError as error:
        shutil.rmtree(unfinished)
        raise already_exists(name) from error
    cluster.folder = home() / name
    return cluster


def already_exists(name: str) -> LocalkindError:
    """In kind's words, since scripts look for them."""
    return LocalkindError(
        f'node(s) already exist for a cluster with the name "{name}". Choose another --name, '
        f"or delete it first: dev/localkind delete cluster --name {name}"
    )


def find(name: str) -> Cluster | None:
    """The cluster of that name, or None. A folder without a readable state counts as a cluster without processes."""
    folder = home() / name
    if not folder.is_dir():
        return None
    try:
        content = json.loads((folder / "cluster.json").read_text())
        recorded = [Process(**process) for process in content.pop("processes")]
        creator = content.pop("creator")
        cluster = Cluster(folder=folder, processes=recorded, **content)
    except (OSError, ValueError, TypeError, KeyError):
        return Cluster(name, folder)
    if cluster.boot_id == _boot_id():
        cluster.creator = Process(**creator)
    else:
        cluster.processes = []  # start times count from the boot: those of another one prove nothing
    return cluster


def _boot_id() -> str:
    return BOOT_ID.read_text().strip()


def require(name: str) -> Cluster:
    """The cluster of that name. Raises LocalkindError when there is none."""
    cluster = find(name)
    if cluster is None:
        raise LocalkindError(
            f'no cluster with the name "{name}". `dev/localkind get clusters` lists them, '
            f"`dev/localkind create cluster --name {name}` makes it"
        )
    return cluster


def names() -> list[str]:
    """All clusters' names, sorted."""
    try:
        return sorted(entry.name for entry in home().iterdir() if entry.is_dir() and valid_name(entry.name))
    except FileNotFoundError:
        return []


def remove(cluster: Cluster) -> None:
    """Deletes the cluster's folder and all that is in it."""
    shutil.rmtree(cluster.folder, ignore_errors=True)
    if cluster.folder.exists():
        raise LocalkindError(f"could not remove {cluster.folder}; look for mounts in it with `findmnt`, then delete it")
