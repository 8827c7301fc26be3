"""Commands that must be on the machine, and the Debian packages that bring them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .errors import LocalkindError
from .progress import Progress

CNI_FOLDER = Path("/usr/lib/cni")
BASE = {"openssl": "openssl"}
REAL_NODE = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    str(CNI_FOLDER / "bridge"): "containernetworking-plugins",
    "busybox": "busybox-static",
    "iptables": "iptables",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
}
# /sbin is not on every user's PATH, and root's tools live there.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def require(real_node: bool, install: bool, progress: Progress) -> None:
    """Sees to it that every command is there. Raises LocalkindError with the line that installs what is missing."""
    if real_node and os.geteuid() != 0:
        raise LocalkindError(
            "--real-node needs root, for namespaces and mounts of its own. Run it with sudo, "
            "or leave --real-node out: simulated nodes need no rights"
        )
    os.environ["PATH"] = SEARCH_PATH
    wanted = missing(real_node)
    if wanted and install:
        _install(wanted, progress)
        wanted = missing(real_node)
    if wanted:
        raise LocalkindError(
            f"these packages are missing: {' '.join(wanted)}. On Debian and Ubuntu: {' '.join(_apt(wanted))} "
            "(as root; --install-packages does that for you)"
        )


def missing(real_node: bool) -> list[str]:
    """Debian's names of the packages whose commands are not there, sorted."""
    commands = BASE | (REAL_NODE if real_node else {})
    return sorted({package for command, package in commands.items() if not shutil.which(command, path=SEARCH_PATH)})


def _install(wanted: list[str], progress: Progress) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise LocalkindError(f"--install-packages needs root and apt-get; install these yourself: {' '.join(wanted)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with progress.step(f"installing {' '.join(wanted)}"):
        for command in (["apt-get", "update"], _apt(wanted)):
            done = subprocess.run(
                command,
                env=quiet,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            if done.returncode != 0:
                raise LocalkindError(f"`{' '.join(command)}` failed:\n{done.stdout[-2000:]}")


def _apt(wanted: list[str]) -> list[str]:
    return ["apt-get", "install", "-y", "--no-install-recommends", *wanted]
