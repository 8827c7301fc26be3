"""The operator's own image in a Pod of a real node, installed as users install it, heals containers that really crash."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kube import Kube
from support.objects import incident, playbook, step

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.realnode,
    pytest.mark.skipif(os.geteuid() != 0 and not os.environ.get("CI"), reason="a real node needs root"),
]


def dev(command: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "dev" / command), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command} {' '.join(arguments)}:\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    """A cluster with one real node and the operator running on it."""
    folder = tmp_path_factory.mktemp("realnode")
    name, kubeconfig, image = f"paramedic-real-{os.getpid()}", folder / "kubeconfig", folder / "image.tar"
    dev("image", "build", "--output", str(image))
    dev("localkind", "create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), "--real-node",
        "--install-packages")  # fmt: skip
    try:
        dev("localkind", "load", "image-archive", str(image), "--name", name)
        kube = Kube(str(kubeconfig), "paramedic-system")
        kube.run("apply", "-k", str(ROOT / "manifests" / "overlays" / "dev"))
        kube.rolled_out("deployment/paramedic", 90)
        yield kube
    finally:
        dev("localkind", "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig))


def test_the_image_in_a_pod_rolls_a_crashing_deployment_back_and_keeps_its_last_words(real: Kube) -> None:
    shop = real.within("shop")
    for folder in ("app", "access", "playbooks"):
        shop.run("apply", "-k", str(ROOT / "examples" / folder))
    shop.run("wait", "--for=condition=Ready", "playbooks", "--all", "--timeout=60s", timeout=70)  # the watch works
    shop.rolled_out("deployment/checkout", 60)
    shop.run("set", "image", "deployment/checkout", "web=localhost/web:broken")
    shop.wait_for("deployment", "checkout", lambda _: _crashed(shop), seconds=60)

    shop.run("apply", "-f", str(ROOT / "examples" / "incidents" / "deployment-failure.yaml"))
    found = shop.incident_in("checkout-rollout", "Resolved", "Failed", seconds=120)

    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    shop.rolled_out("deployment/checkout", 30)
    container = shop.get("deployment", "checkout")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "localhost/web:v1"
    assert "FATAL: DATABASE_URL is not set" in _evidence(shop, found)


def test_the_service_downtime_playbook_resolves_with_checks_over_the_network(real: Kube) -> None:
    shop = real.within("shop")
    shop.run("set", "image", "deployment/checkout", "web=localhost/web:v2")
    shop.rolled_out("deployment/checkout", 60)
    shop.run("apply", "-f", str(ROOT / "examples" / "incidents" / "service-downtime.yaml"))
    found = shop.incident_in("checkout-down", "Resolved", "Failed", seconds=120)
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    # The first look may meet a rollout's last moments; recovery is proven by the health endpoint alone.
    assert found["status"]["plan"]["recovery"]["checks"][0]["action"] == "httpCheck"


JOBS = {
    "succeeds": ("echo restored $TABLE", "10m", "succeeded in", "restored orders"),
    "fails": (
        "echo no table $TABLE; exit 3",
        "10m",
        "failed (BackoffLimitExceeded) with exit code 3",
        "no table orders",
    ),
    "hangs": ("echo still copying; sleep 600", "5s", "failed (DeadlineExceeded)", "still copying"),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_says_its_last_words_and_its_logs_are_kept(name: str, real: Kube) -> None:
    script, deadline, outcome, words = JOBS[name]
    shop = real.within("shop")
    for folder in ("app", "access"):
        shop.run("apply", "-k", str(ROOT / "examples" / folder))
    shop.rolled_out("deployment/checkout", 60)
    job = step("restore", "runJob", {"template": _job(script), "deadline": deadline})
    shop.apply(playbook(name, job, account="shop-responder"), incident(f"restore-{name}", "checkout", name))
    found = shop.incident_in(f"restore-{name}", "Resolved", "Failed", seconds=180)["status"]
    restore = found["steps"][0]
    assert outcome in restore["message"] and restore["message"].endswith(f": {words}"), restore["message"]
    pods = shop.list("pods", "-l", f"paramedic.dev/incident=restore-{name}")
    assert len(pods) == {"succeeds": 1, "fails": 3}.get(name, len(pods))
    logs = [_evidence_of(shop, f"restore-{name}", item["name"]) for item in found["evidence"]]
    assert logs and all(words in log for log in logs)


def _job(script: str) -> dict:
    """A Job that the examples' namespace admits, with a value in its environment."""
    container = {
        "name": "tool", "image": "localhost/web:v1", "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", script], "env": [{"name": "TABLE", "value": "orders"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }  # fmt: skip
    secure = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"template": {"spec": {"securityContext": secure, "containers": [container]}}}


def _crashed(shop: Kube) -> bool:
    return any(
        status.get("restartCount") and "waiting" in status.get("state", {})
        for pod in shop.list("pods", "-l", "app=checkout")
        for status in pod.get("status", {}).get("containerStatuses", [])
    )


def _evidence(shop: Kube, found: dict) -> str:
    """Every log that was kept, as `kubectl incident evidence` prints it."""
    pieces = [item["name"] for item in found["status"]["evidence"] if item["kind"] == "Logs"]
    return "".join(_evidence_of(shop, "checkout-rollout", piece) for piece in pieces)


def _evidence_of(shop: Kube, name: str, piece: str) -> str:
    """One piece, as `kubectl incident evidence` prints it."""
    command = [sys.executable, "-m", "paramedic.cli.incident", "evidence", f"--kubeconfig={shop.kubeconfig}"]
    done = subprocess.run([*command, "-n", "shop", name, piece], capture_output=True, text=True, check=True)
    return done.stdout
