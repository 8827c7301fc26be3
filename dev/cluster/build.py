"""Building Kubernetes' programs from their Go modules, once for each set of pinned versions."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import golang, state
from .errors import LocalkindError
from .interrupts import deferred
from .processes import tail
from .progress import Progress

MODULES = Path(__file__).resolve().parent / "gomod"
VERSION_PACKAGE = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Program:
    """A program to build: the folder of its go.mod, its main package, and what the linker sets in it."""

    name: str
    module: str
    package: str
    minutes: str  # how long a first build takes on two cores, for the progress line


CLUSTER = (
    Program("etcd", "kubernetes", "go.etcd.io/etcd/server/v3", "1"),
    Program("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", "6"),
    Program("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", "2"),
    Program("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", "1"),
    Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "1"),
)
NODE = (
    Program("kubelet", "kubernetes", "k8s.io/kubernetes/cmd/kubelet", "2"),
    Program("kube-proxy", "kubernetes", "k8s.io/kubernetes/cmd/kube-proxy", "1"),
    Program("coredns", "coredns", "github.com/coredns/coredns", "8"),
)


def kubernetes_version() -> str:
    """The version of Kubernetes that go.mod pins, for example v1.37.2."""
    found = re.search(r"^require k8s\.io/kubernetes (v[\d.]+)", _go_mod("kubernetes").read_text(), re.MULTILINE)
    if not found:
        raise LocalkindError(f"{_go_mod('kubernetes')} does not require k8s.io/kubernetes")
    return found[1]


def linker_flags(program: Program) -> str:
    """Without the version, Kubernetes' programs call themselves v0.0.0 and refuse to talk to newer ones."""
    if not program.package.startswith("k8s.io/kubernetes/"):
        return "-s -w"
    version = kubernetes_version()
    major, minor = version.removeprefix("v").split(".")[:2]
    settings = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X {VERSION_PACKAGE}.{key}={value}" for key, value in settings.items())


def programs(progress: Progress, with_node: bool) -> Path:
    """The folder that holds all programs, built now if need be. Raises LocalkindError when a build fails."""
    go, go_version = golang.find(golang.needed_version(_go_mod("kubernetes")))
    folder = state.cache() / fingerprint(go_version)
    wanted = CLUSTER + (NODE if with_node else ())
    if all((folder / program.name).exists() for program in wanted):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with _only_builder(folder, progress):
        missing = [program for program in wanted if not (folder / program.name).exists()]
        for number, program in enumerate(missing, 1):
            label = f"building {program.name} ({number} of {len(missing)}; a first build takes ~{program.minutes} min)"
            with progress.step(label):
                _build(go, program, folder)
    return folder


def fingerprint(go_version: str) -> str:
    """Names the folder of programs: other pins, flags, Go or processor make other programs."""
    digest = hashlib.sha256(f"{go_version} {platform.system()} {platform.machine()}\n".encode())
    for module in sorted({program.module for program in CLUSTER + NODE}):
        digest.update(_go_mod(module).read_bytes().replace(b"\r\n", b"\n"))
        digest.update(_go_mod(module).with_name("go.sum").read_bytes())
    for program in CLUSTER + NODE:
        digest.update(f"{program.name} {program.package} {linker_flags(program)}\n".encode())
    return digest.hexdigest()[:16]


def _go_mod(module: str) -> Path:
    return MODULES / module / "go.mod"


@contextmanager
def _only_builder(folder: Path, progress: Progress) -> Iterator[None]:
    """Lets one build at a time into the folder; a second one waits and then finds everything built."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.step("waiting for another build to finish"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(go: str, program: Program, folder: Path) -> None:
    """Builds under a temporary name and renames: a program that is there is whole."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as temporary:
        built, log = Path(temporary) / program.name, Path(temporary) / "log"
        command = [go, "build", "-trimpath", "-ldflags", linker_flags(program), "-o", str(built), program.package]
        code = _run_go(command, MODULES / program.module, log)
        if code != 0:
            raise LocalkindError(
                f"building {program.name} failed with exit code {code}. The end of what `go build` said:\n{tail(log)}\n"
                "Building needs the Go module proxy (see `go env GOPROXY`), about 5 GB of disk and 3 GB of memory"
            )
        built.rename(folder / program.name)


def _run_go(command: list[str], module: Path, log: Path) -> int:
    """Runs `go` to its end; its compilers are in its process group, and are ended with it when we are interrupted."""
    settings = {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTMPDIR": str(log.parent),  # `go` does not clean up when it is ended; we do
    }
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, cwd=module, env={**os.environ, **settings}, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            return child.wait()
        except BaseException:
            with deferred():
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            raise
