"""Installing locked requirements into a folder, once for each lock file and Python."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from . import state
from .errors import LocalkindError

# What the installer writes about itself and this machine; without it the same lock gives the same bytes.
TRACES = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")


def install(requirements: Path) -> Path:
    """The folder that holds the requirements, installed now if need be. Raises LocalkindError when that fails."""
    if not requirements.exists():
        raise LocalkindError(f"{requirements} is missing: the image is built from dependencies locked with hashes")
    folder = state.cache().parent / "requirements" / _fingerprint(requirements)
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
        target = Path(temporary) / "installed"
        _install(requirements, target, Path(temporary) / "venv")
        _clean(target)
        try:
            target.rename(folder)
        except OSError:
            if not folder.exists():  # else another build was quicker, with the same result
                raise
    return folder


def _fingerprint(requirements: Path) -> str:
    python = f"{sys.version}\n{sysconfig.get_platform()}\n".encode()
    return hashlib.sha256(python + requirements.read_bytes()).hexdigest()[:16]


def _install(requirements: Path, target: Path, spare: Path) -> None:
    options = ["--require-hashes", "--only-binary", ":all:", "--target", str(target), "-r", str(requirements)]
    command = [*_installer(spare), "install", *options]
    if "uv" not in Path(command[0]).name:
        command += ["--no-compile", "--disable-pip-version-check", "--no-warn-script-location", "--quiet"]
    else:
        command += ["--python", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise LocalkindError(f"`{' '.join(command)}` failed:\n{(done.stderr or done.stdout).strip()[-3000:]}")


def _installer(spare: Path) -> list[str]:
    """pip of this Python, else uv, else a pip of a new virtual environment (uv's environments have none)."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "pip"]
    made = subprocess.run([sys.executable, "-m", "venv", str(spare)], capture_output=True, text=True)
    if made.returncode != 0:
        raise LocalkindError(
            f"neither pip nor uv is there for {sys.executable}, and a new environment cannot be made: "
            f"{(made.stderr or made.stdout).strip()}. Install pip (Debian: apt-get install python3-pip python3-venv)"
        )
    return [str(spare / "bin" / "python"), "-m", "pip"]


def _clean(target: Path) -> None:
    shutil.rmtree(target / "bin", ignore_errors=True)  # scripts that name this machine's Python
    for trace in TRACES:
        for path in target.glob(f"*.dist-info/{trace}"):
            path.unlink()
    for path in list(target.rglob("__pycache__")):
        shutil.rmtree(path)
