"""The operator's own image in a Pod of a real node, installed as users install it, heals containers that really crash."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.kube import Kube
from support.objects import Object, deployment, incident, playbook, step

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.realnode,
    pytest.mark.skipif(os.geteuid() != 0 and not os.environ.get("CI"), reason="a real node needs root"),
]


def test_the_image_in_a_pod_rolls_a_crashing_deployment_back_and_keeps_its_last_words(real: Kube) -> None:
    shop = real.within("shop")
    for folder in ("app", "access"):
        shop.run("apply", "-k", str(ROOT / "examples" / folder))
    shop.run("apply", "-f", str(ROOT / "examples" / "demo" / "playbook.yaml"))
    shop.run(
        "wait", "--for=condition=Ready", "playbook/deployment-failure", "--timeout=60s", timeout=70
    )  # the watch works
    shop.rolled_out("deployment/checkout", 60)
    shop.run("set", "image", "deployment/checkout", "web=localhost/web:broken")
    shop.wait_for("deployment", "checkout", lambda _: _crashed(shop), seconds=60)

    shop.run("apply", "-f", str(ROOT / "examples" / "demo" / "incident.yaml"))
    found = shop.incident_in("checkout-rollout", "Resolved", "Failed", seconds=120)

    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    shop.rolled_out("deployment/checkout", 30)
    container = shop.get("deployment", "checkout")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "localhost/web:v1"
    assert "FATAL: DATABASE_URL is not set" in _evidence(shop, found)


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


IN_POD = "spec.template.spec"
PORTS = [{"containerPort": 8080}]
#: Doubles a text until the kernel ends it.
GREEDY = "x=aaaaaaaa; while true; do x=$x$x; done"
#: Asks a Service by a port that it has not, as an application would that logs its errors.
ASKING = 'while true; do wget -q -T 1 -O- http://$DB_ADDR/ 2>&1 || echo "ERROR dial $DB_ADDR: connection refused"; sleep 1; done'
WAITING = "while true; do echo waiting for Service legacy; sleep 1; done"


def _web(name: str, image: str = "localhost/web:v1", **container: object) -> Object:
    """One Pod of the sample application, with these fields of its container."""
    found = deployment(name, image, replicas=1)
    found["spec"]["template"]["spec"]["containers"][0] |= {"ports": PORTS} | container
    return found


def _in_pod(obj: Object, **spec: object) -> Object:
    obj["spec"]["template"]["spec"] |= spec
    return obj


def _beside(obj: Object) -> Object:
    """With a second container that listens on the same port, and is there first."""
    containers = obj["spec"]["template"]["spec"]["containers"]
    containers.insert(0, {"name": "metrics", "image": "localhost/web:v2", "imagePullPolicy": "Never", "ports": PORTS})
    return obj


def _shell(script: str) -> list[str]:
    return ["sh", "-c", script]


LISTEN = {"name": "LISTEN", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "LISTEN"}}}
PREPARE = {"name": "prepare", "image": "localhost/web:v1", "imagePullPolicy": "Never", "command": _shell(WAITING)}
PROBE = {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 1}
SMALL = {"limits": {"memory": "16Mi"}}
AROUND: list[Object] = [
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"OTHER": "x"}},
    {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"},
        "spec": {"selector": {"app": "db"}, "ports": [{"port": 5432}]},
    },
]  # fmt: skip
ASKER = _web("unreached", command=_shell(ASKING), env=[{"name": "DB_ADDR", "value": "db:5433"}], ports=[])
#: By what is broken: class, object and field of the finding, and a part of its proof.
FAULTS: list[tuple[Object, str, str, str, str]] = [
    (
        _web("pull", "localhost/unknown:v1"),
        "ImagePull", "Deployment/pull", f"{IN_POD}.containers[web].image", "localhost/unknown:v1",
    ),
    (
        _web("crash", "localhost/web:broken"),
        "CrashLoop", "Deployment/crash", f"{IN_POD}.containers[web]", "FATAL: DATABASE_URL is not set",
    ),
    (
        _web("probe", readinessProbe=PROBE),
        "ProbeFailure", "Deployment/probe", f"{IN_POD}.containers[web].readinessProbe.httpGet.port", "9999",
    ),
    (
        _web("memory", command=_shell(GREEDY), resources=SMALL),
        "OOMKilled", "Deployment/memory", f"{IN_POD}.containers[web].resources.limits.memory", "OOMKilled",
    ),
    (
        _web("key", env=[LISTEN]),
        "ConfigError", "ConfigMap/settings", "data[LISTEN]", "couldn't find key LISTEN in ConfigMap",
    ),
    (
        _in_pod(_web("first"), initContainers=[PREPARE]),
        "InitBlocked", "Deployment/first", f"{IN_POD}.initContainers[prepare]", "waiting for Service legacy",
    ),
    (
        _beside(_web("port")),
        "PortConflict", "Deployment/port", f"{IN_POD}.containers[metrics].ports[8080]", "ddress already in use",
    ),
    (
        ASKER,
        "DependencyUnreachable", "Deployment/unreached", f"{IN_POD}.containers[web].env[DB_ADDR]", "dial db:5433",
    ),
    (_web("well"), "Healthy", "Deployment/well", "", "all 1 Pod updated and available"),
]  # fmt: skip


def test_what_a_kubelet_reports_is_diagnosed_by_class_object_field_and_proof(real: Kube) -> None:
    faults = real.within("faults")
    faults.run("create", "namespace", "faults")
    faults.run("apply", "-k", str(ROOT / "manifests" / "responder"))
    faults.apply(*AROUND, *(broken for broken, *_ in FAULTS))
    names = [broken["metadata"]["name"] for broken, *_ in FAULTS]
    faults.apply(playbook("look", step("diagnose", "diagnose", {"patience": "90s"})))
    faults.apply(*(incident(name, name, "look") for name in names))

    found = {name: _diagnosis(faults, name) for name in names}

    told = {name: (item["class"], item["object"], item["field"]) for name, item in found.items()}
    assert told == {broken["metadata"]["name"]: tuple(expected[:3]) for broken, *expected in FAULTS}
    for broken, *_, proof in FAULTS:
        assert proof in found[broken["metadata"]["name"]]["proof"]
    assert {item["unseen"] for item in found.values()} == {""}


def _diagnosis(faults: Kube, name: str) -> Object:
    """What the step of this incident answered, however long it looked."""

    def looked(obj: Object) -> bool:
        return any(item.get("outputs") for item in obj.get("status", {}).get("steps") or [])

    steps = faults.wait_for("incident", name, looked, 120)["status"]["steps"]
    outputs: Object = steps[0]["outputs"]
    return outputs


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
