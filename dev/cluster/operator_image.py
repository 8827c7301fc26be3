"""The operator's image: this Python, the locked dependencies, the operator, and nothing else (no shell either)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import dependencies, libraries, machine
from .archive import Layer, write_image
from .errors import LocalkindError
from .golang import REPOSITORY
from .progress import Progress

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
STDLIB = f"/usr/local/{sys.platlibdir}/{VERSION}"
APPLICATION = "/opt/paramedic"
# Tests, GUIs and what only builds other programs.
NOT_NEEDED = {
    "__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3",
    "ensurepip", "pydoc_data", "turtle.py", "venv",
}  # fmt: skip
NOT_NEEDED_PATTERN = re.compile(r"^(config-.*|_tkinter.*|_test.*\.so|_xxtest.*|.*\.a|.*\.pyc)$")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# Loaded by name while the program runs, so that ldd does not show them.
LOADED_LATER = ("libnss_files.so.2", "libnss_dns.so.2", "libgcc_s.so.1")
# Where the dynamic linker looks without being told (ld.so(8)), Debian's folders per architecture among them.
DEFAULT_LIBRARY_FOLDER = re.compile(r"^(/usr)?/lib(64)?(/[^/]+-linux-gnu[^/]*)?$")
USER = "65532:65532"


@dataclass(frozen=True)
class Wishes:
    """What to build, from which requirements, and where to."""

    output: Path
    tag: str
    requirements: Path


def build(wishes: Wishes, progress: Progress) -> str:
    """Writes the image. Returns its id, "sha256:…": the same input gives the same."""
    package = REPOSITORY / "operator" / "paramedic"
    if not (package / "__main__.py").exists():
        raise LocalkindError(f"{package} has no __main__.py, so there is no program to put into the image")
    with progress.step("installing the locked dependencies"):
        installed = dependencies.install(wishes.requirements)
    with tempfile.TemporaryDirectory(prefix="paramedic-image-") as temporary:
        root = Path(temporary) / "root"
        with progress.step("gathering Python, the dependencies and the operator"):
            _gather(root, installed, package)
            _compile(root)
        with progress.step(f"writing {wishes.output}"):
            return _write(root, wishes)


def _gather(root: Path, installed: Path, package: Path) -> None:
    executable = Path(sys.executable).resolve()
    (root / "usr/local/bin").mkdir(parents=True)
    shutil.copyfile(executable, root / "usr/local/bin" / VERSION)
    _copy(Path(sysconfig.get_path("stdlib")), _inside(root, STDLIB))
    _copy(installed, _inside(root, APPLICATION), everything=True)
    _copy(package, _inside(root, APPLICATION) / "paramedic", everything=True)


def _copy(source: Path, target: Path, everything: bool = False) -> None:
    """Copies a tree, byte code aside; of the standard library also without what is not needed."""

    def ignored(_folder: str, names: list[str]) -> set[str]:
        if everything:
            return {name for name in names if name == "__pycache__"}
        return {name for name in names if name in NOT_NEEDED or NOT_NEEDED_PATTERN.match(name)}

    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)


def _compile(root: Path) -> None:
    """Byte code that is never checked against its source: the root file system is read-only, and starts are quick.

    In a process of its own with fixed hashes, else the order of constants in sets would differ from run to run.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    folders = [str(_inside(root, STDLIB)), str(_inside(root, APPLICATION))]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # Some dependencies ship templates that are no valid Python: they fail here as they would when imported.
    subprocess.run([*command, "-s", str(root), "-p", "/", *folders], env=environment, capture_output=True)


def _write(root: Path, wishes: Wishes) -> str:
    layer = Layer()
    for path in _files(root):
        name = "/" + str(path.relative_to(root))
        layer.add(name, path, 0o755 if name.startswith("/usr/local/bin/") or ".so" in path.name else 0o644)
    layer.link("/usr/local/bin/python3", VERSION)
    needed = _shared_libraries(root)
    for library in needed:
        layer.add(str(library), library.resolve(), 0o755)
    if Path(CERTIFICATES).exists():
        layer.add(CERTIFICATES, Path(CERTIFICATES))
    layer.folder("/tmp", 0o1777)
    layer.add("/etc/passwd", b"root:x:0:0:root:/:/\nparamedic:x:65532:65532:paramedic:/tmp:/\n")
    layer.add("/etc/group", b"root:x:0:\nparamedic:x:65532:\n")
    layer.add("/etc/nsswitch.conf", b"hosts: files dns\n")
    wishes.output.absolute().parent.mkdir(parents=True, exist_ok=True)
    return write_image(wishes.output.absolute(), wishes.tag, machine.architecture(), layer, _config(needed))


def _config(needed: list[Path]) -> dict[str, object]:
    environment = {
        "PATH": "/usr/local/bin",
        "PYTHONPATH": APPLICATION,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        "SSL_CERT_FILE": CERTIFICATES,
    }
    unusual = sorted({str(path.parent) for path in needed if not DEFAULT_LIBRARY_FOLDER.match(str(path.parent))})
    if unusual:
        environment["LD_LIBRARY_PATH"] = ":".join(unusual)
    return {
        "User": USER,
        "WorkingDir": "/",
        "Entrypoint": ["/usr/local/bin/python3", "-m", "paramedic"],
        "Env": [f"{key}={value}" for key, value in environment.items()],
    }


def _shared_libraries(root: Path) -> list[Path]:
    """What the interpreter and every extension module link to on this machine, except what is in the image already."""
    programs = [Path(sys.executable).resolve(), *(path for path in _files(root) if ".so" in path.name)]
    found = [path for path in libraries.of(programs) if not path.is_relative_to(root)]
    folders = {path.parent for path in found}
    later = [folder / name for folder in sorted(folders) for name in LOADED_LATER if (folder / name).exists()]
    return sorted({*found, *later})


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())


def _inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
