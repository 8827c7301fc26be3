"""A cluster with one real node and the operator in a Pod of it, installed as users install it, its alert receiver too."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.alerts import Object, Sender
from support.kube import Kube, kubectl_path
from support.operator_process import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-alertmanager"
HOME = "paramedic-system"


def dev(command: str, *arguments: str) -> None:
    """Runs one of dev/. Raises AssertionError with what it said."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "dev" / command), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command} {' '.join(arguments)}:\n{done.stdout}{done.stderr}"


@contextlib.contextmanager
def real_node(folder: Path) -> Iterator[Kube]:
    """The cluster; it is deleted in the end."""
    name, kubeconfig, image = f"paramedic-real-{os.getpid()}", folder / "kubeconfig", folder / "image.tar"
    dev("image", "build", "--output", str(image))
    dev("localkind", "create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), "--real-node",
        "--install-packages")  # fmt: skip
    try:
        load(name, image, prometheus_image(folder))
        kube = Kube(str(kubeconfig), HOME)
        kube.run("apply", "-f", str(ROOT / "manifests" / "base" / "namespace.yaml"))
        kube.run("create", "secret", "generic", "paramedic-receiver", f"--from-literal=tokens={TOKEN}")
        kube.run("apply", "-k", str(ROOT / "tests" / "e2e" / "realnode"))
        kube.rolled_out("deployment/paramedic", 90)
        yield kube
    finally:
        dev("localkind", "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig))


def load(cluster: str, *archives: Path) -> None:
    for archive in archives:
        dev("localkind", "load", "image-archive", str(archive), "--name", cluster)


def prometheus_image(folder: Path) -> Path:
    """An image with the Prometheus of this machine, for examples/apps/prometheus."""
    sys.path.insert(0, str(ROOT / "dev"))
    try:
        from cluster import images, libraries
    finally:
        sys.path.remove(str(ROOT / "dev"))
    program = shutil.which("prometheus")
    assert program, "there is no prometheus on PATH; run dev/monitoring"
    layer = images.base()
    layer.add("/bin/prometheus", Path(program), 0o755)
    for library in libraries.of([Path(program)]):
        layer.add(str(library), library.resolve(), 0o755)
    config = {"Entrypoint": ["/bin/prometheus"], "User": "65532:65532"}
    written: Path = images.write(folder, "localhost/prometheus:1", layer, config)
    return written


@contextlib.contextmanager
def receiver(kube: Kube) -> Iterator[Sender]:
    """The receiver's Service, forwarded to loopback."""
    port = free_port()
    command = [kubectl_path(), f"--kubeconfig={kube.kubeconfig}", f"--namespace={HOME}", "port-forward"]
    command += ["service/paramedic-receiver", f"{port}:9095"]
    forwarding = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert forwarding.stdout is not None
        said = forwarding.stdout.readline()
        assert said.startswith("Forwarding"), said
        yield Sender(port, TOKEN)
    finally:
        forwarding.terminate()
        forwarding.wait(10)
        if forwarding.stdout:
            forwarding.stdout.close()


def send(sender: Sender, notification: Path) -> str:
    """Sends a notification whose one alert begins to fire now. Gives the Incident's name."""
    content: Object = json.loads(notification.read_text())
    (alert,) = content["alerts"]
    alert["startsAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    status, answer = sender.send(json.dumps(content).encode())
    assert status == 200, answer
    (result,) = answer["alerts"]
    assert result["result"] == "Created", answer
    return str(result["incident"].partition("/")[2])


def incident_command(kube: Kube, *arguments: str) -> str:
    """`kubectl incident …`, by a person at this cluster. Raises AssertionError with what it said."""
    command = [sys.executable, "-m", "paramedic.cli.incident", arguments[0], f"--kubeconfig={kube.kubeconfig}"]
    done = subprocess.run(
        [*command, f"--namespace={kube.namespace}", *arguments[1:]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"kubectl incident {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout


def states(incident: dict[str, Any]) -> dict[str, str]:
    """The state of each step by its name."""
    return {item["name"]: item["state"] for item in incident["status"]["steps"]}
