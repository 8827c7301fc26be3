"""dev/localkind with clusters: side by side, leaving nothing, and the lives of simulated Pods."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import controlplane, kubeconfig, processes, state
from cluster.api import ApiServer
from cluster.stages import NOT_READY_ANNOTATION
from localkind.clusters import (
    DEPLOYMENTS,
    PODS,
    api_of,
    container_status,
    deployment,
    eventually,
    log,
    pod,
    ready_condition,
)
from localkind.conftest import LOCALKIND, run_localkind

pytestmark = pytest.mark.e2e
Run = Any


def running(folder: Path) -> list[str]:
    """The names of this cluster's processes that still run."""
    return [each.name for each in processes.strays(folder)]


# --- coming and going


def test_two_clusters_live_side_by_side_and_go_without_a_trace(localkind: Run, home: Path, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.touch()
    for name in ("one", "two"):
        done = localkind("create", "cluster", f"--name={name}", f"--kubeconfig={config}")
        assert done.returncode == 0, done.stderr
    assert localkind("get", "clusters").stdout.split() == ["one", "two"]
    assert kubeconfig.read(config)["current-context"] == "kind-two"
    api_of("one").create("/api/v1/namespaces", {"metadata": {"name": "mine"}})
    assert not api_of("two").healthy("/api/v1/namespaces/mine")

    assert localkind("delete", "cluster", "--name=one", f"--kubeconfig={config}").returncode == 0
    assert running(home / "one") == []
    assert not (home / "one").exists()
    assert api_of("two").healthy()
    assert [entry["name"] for entry in kubeconfig.read(config)["contexts"]] == ["kind-two"]

    assert localkind("delete", "cluster", "--name", "two").returncode == 0  # the kubeconfig is remembered
    assert kubeconfig.read(config)["contexts"] == []
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing(home: Path, tmp_path: Path, number: signal.Signals) -> None:
    config = tmp_path / "kubeconfig"
    command = [sys.executable, str(LOCALKIND), "create", "cluster", "--name", "a", "--kubeconfig", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as create:
        eventually(lambda: create.poll() is not None or "kube-apiserver" in running(home / "a"), 1800)
        create.send_signal(number)
        _, said = create.communicate(timeout=30)
    assert create.returncode == 128 + number
    assert f"interrupted by {number.name}" in said
    assert running(home / "a") == []
    assert list(home.iterdir()) == []
    assert not config.exists()


def test_a_failed_start_shows_the_log_and_leaves_nothing(localkind: Run, home: Path, tmp_path: Path) -> None:
    done = localkind("create", "cluster", "--name", "a", "--apiserver-arg=--no-such-flag=1")
    assert done.returncode == 1
    assert "kube-apiserver ended. The last lines of its log" in done.stderr
    assert "unknown flag: --no-such-flag" in done.stderr
    assert list(home.iterdir()) == []
    assert not (tmp_path / "kubeconfig").exists()


def test_retain_keeps_a_failed_start_until_it_is_deleted(localkind: Run, home: Path) -> None:
    assert localkind("create", "cluster", "--name", "a", "--retain", "--apiserver-arg=no-such-flag").returncode == 1
    assert (home / "a" / "logs" / "kube-apiserver.log").exists()
    assert "etcd" in running(home / "a")
    assert "already exist" in localkind("create", "cluster", "--name", "a").stderr
    assert localkind("delete", "cluster", "--name", "a").returncode == 0
    assert list(home.iterdir()) == []


def test_a_cluster_whose_processes_are_gone_is_replaced(localkind: Run, home: Path) -> None:
    assert localkind("create", "cluster", "--name", "a", "--nodes", "0").returncode == 0
    processes.stop(processes.strays(home / "a"), grace=0)
    assert localkind("get", "clusters").stdout == ""
    done = localkind("create", "cluster", "--name", "a", "--nodes", "0")
    assert done.returncode == 0, done.stderr
    assert api_of("a").healthy()


def test_pytest_kind_is_content_with_it(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest_kind = pytest.importorskip("pytest_kind")
    monkeypatch.chdir(tmp_path)
    cluster = pytest_kind.KindCluster("a", tmp_path / "config", kind_path=LOCALKIND, kubectl_path=Path("/bin/true"))
    try:
        cluster.create()
        assert cluster.api.get(url="/version", version="", base="").json()["major"] == "1"
        cluster.create()  # finds it
    finally:
        cluster.delete()
        cluster.api.session.close()
    assert list(home.iterdir()) == []


# --- one cluster for everything below


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A cluster with two simulated nodes."""
    folder = tmp_path_factory.mktemp("shared")
    chosen = {"PARAMEDIC_LOCALKIND_HOME": str(folder / "clusters"), "KUBECONFIG": str(folder / "kubeconfig")}
    before = {key: os.environ.get(key) for key in chosen}
    os.environ.update(chosen)
    try:
        done = run_localkind("create", "cluster", "--name", "shared")
        assert done.returncode == 0, done.stderr
        yield api_of("shared")
    finally:
        run_localkind("delete", "cluster", "--name", "shared", **chosen)
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


def reason(api: ApiServer, name: str) -> str:
    """Why the container waits."""
    return str((container_status(api, name).get("state", {}).get("waiting") or {}).get("reason", ""))


def test_two_simulated_nodes_are_ready(api: ApiServer) -> None:
    _, nodes = api.call("GET", "/api/v1/nodes")
    assert [node["metadata"]["name"] for node in nodes["items"]] == ["kwok-node-0", "kwok-node-1"]
    assert {node["status"]["allocatable"]["cpu"] for node in nodes["items"]} == {"32"}


def test_an_ordinary_pod_becomes_ready(api: ApiServer) -> None:
    api.create(PODS, pod("plain", "localhost/web:v1"))
    eventually(lambda: ready_condition(api, "plain") == "True")
    status = container_status(api, "plain")
    assert (status["ready"], status["started"], status["restartCount"]) == (True, True, 0)
    _, found = api.call("GET", f"{PODS}/plain")
    assert found["status"]["podIP"].startswith("10.128.")
    assert {each["type"] for each in found["status"]["conditions"]} >= {"PodScheduled", "Ready", "ContainersReady"}
    assert "web: listening on :8080" in log(api, "plain")[1]


@pytest.mark.parametrize("tag", ["broken", "crash-loop"])
def test_a_crash_loop_restarts_again_and_again(api: ApiServer, tag: str) -> None:
    api.create(PODS, pod(tag, f"localhost/web:{tag}"))
    eventually(lambda: reason(api, tag) == "CrashLoopBackOff")
    eventually(lambda: container_status(api, tag)["restartCount"] >= 2)
    status = container_status(api, tag)
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert status["ready"] is False
    assert api.call("GET", f"{PODS}/{tag}")[1]["status"]["phase"] == "Running"
    for query in ("", "previous=true"):
        assert "FATAL: DATABASE_URL is not set" in log(api, tag, query)[1]


def test_a_crash_that_may_not_restart_fails(api: ApiServer) -> None:
    api.create(PODS, pod("once", "localhost/web:broken", restartPolicy="Never"))
    eventually(lambda: api.call("GET", f"{PODS}/once")[1]["status"]["phase"] == "Failed")
    assert container_status(api, "once")["state"]["terminated"]["exitCode"] == 1


@pytest.mark.parametrize("tag", ["missing", "pull-error"])
def test_an_image_that_cannot_be_pulled_backs_off(api: ApiServer, tag: str) -> None:
    image = f"localhost/web:{tag}"
    api.create(PODS, pod(tag, image))
    eventually(lambda: reason(api, tag) == "ImagePullBackOff")
    assert f'Back-off pulling image "{image}"' in container_status(api, tag)["state"]["waiting"]["message"]
    assert api.call("GET", f"{PODS}/{tag}")[1]["status"]["phase"] == "Pending"
    status, said = log(api, tag)
    assert (status, "failing to pull image" in said) == (400, True)


def test_a_pod_that_never_becomes_ready_runs(api: ApiServer) -> None:
    api.create(PODS, pod("never", "localhost/web:never-ready"))
    eventually(lambda: container_status(api, "never").get("started"))
    assert ready_condition(api, "never") == "False"
    assert "503" in log(api, "never")[1]


def test_a_slow_start_is_unready_first(api: ApiServer) -> None:
    api.create(PODS, pod("slow", "localhost/web:slow-start"))
    eventually(lambda: container_status(api, "slow").get("started"))
    assert ready_condition(api, "slow") == "False"
    eventually(lambda: ready_condition(api, "slow") == "True")


def test_a_pod_can_complete(api: ApiServer) -> None:
    api.create(PODS, pod("done", "localhost/web:completes", restartPolicy="Never"))
    eventually(lambda: api.call("GET", f"{PODS}/done")[1]["status"]["phase"] == "Succeeded")


def test_a_job_completes(api: ApiServer) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "web", "image": "localhost/web:v1"}]}}
    jobs = "/apis/batch/v1/namespaces/default/jobs"
    api.create(jobs, {"metadata": {"name": "job"}, "spec": {"template": template}})
    eventually(lambda: api.call("GET", f"{jobs}/job")[1]["status"].get("succeeded") == 1)


def test_containers_of_a_pod_live_their_own_lives(api: ApiServer) -> None:
    both = pod("both", "localhost/web:v1")
    both["spec"]["containers"].append({"name": "sidecar", "image": "localhost/proxy:broken"})
    api.create(PODS, both)
    eventually(lambda: container_status(api, "both").get("ready"))
    _, found = api.call("GET", f"{PODS}/both")
    web, sidecar = found["status"]["containerStatuses"]
    assert (web["restartCount"], sidecar["state"]["waiting"]["reason"]) == (0, "CrashLoopBackOff")


def test_a_rollout_ends_and_deleting_it_is_quick(api: ApiServer) -> None:
    def status() -> dict[str, Any]:
        return dict(api.call("GET", f"{DEPLOYMENTS}/web")[1]["status"])

    api.create(DEPLOYMENTS, deployment("web", "localhost/web:v1", 3))
    eventually(lambda: status().get("availableReplicas") == 3)
    assert api.call("DELETE", f"{DEPLOYMENTS}/web?propagationPolicy=Foreground")[0] == 200
    eventually(lambda: api.call("GET", f"{PODS}?labelSelector=app%3Dweb")[1]["items"] == [], 10)


def test_a_node_can_be_made_not_ready_and_ready_again(api: ApiServer) -> None:
    path = "/api/v1/nodes/kwok-node-1"

    def ready() -> str:
        conditions = api.call("GET", path)[1]["status"]["conditions"]
        return next(str(each["status"]) for each in conditions if each["type"] == "Ready")

    def annotated(wish: str) -> bool:
        """False where the controllers wrote the node between the look and the write."""
        _, node = api.call("GET", path)
        node["metadata"]["annotations"][NOT_READY_ANNOTATION] = wish
        return api.call("PUT", path, node)[0] == 200

    for wish, expected in (("true", "False"), ("false", "True")):
        eventually(lambda wish=wish: annotated(wish))
        eventually(lambda expected=expected: ready() == expected)


def test_exec_says_what_to_do_instead(api: ApiServer) -> None:
    api.create(PODS, pod("exec", "localhost/web:v1"))
    eventually(lambda: ready_condition(api, "exec") == "True")
    done = subprocess.run(
        ["kubectl", f"--kubeconfig={state.require('shared').path('admin.conf')}", "exec", "exec", "--", "true"],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "--real-node" in done.stderr


def test_the_audit_log_has_people_and_writes_but_not_the_reads_of_the_system(api: ApiServer) -> None:
    done = run_localkind("get", "audit-log", "--name", "shared")
    lines = Path(done.stdout.strip()).read_text().splitlines()
    events = [json.loads(line) for line in lines]
    pairs = {(event["user"]["username"], event["verb"]) for event in events}
    assert ("system:kube-scheduler", "create") in pairs  # it binds Pods
    assert not [pair for pair in pairs if pair[0] == "system:kube-scheduler" and pair[1] in ("get", "list", "watch")]
    assert {event["level"] for event in events} == {"Metadata"}


def test_the_printed_kubeconfig_works(api: ApiServer) -> None:
    printed = json.loads(run_localkind("get", "kubeconfig", "--name", "shared").stdout)
    assert printed["current-context"] == "kind-shared"
    assert printed["clusters"][0]["cluster"]["server"] == state.require("shared").server
    assert controlplane.connect(state.require("shared")).healthy("/version")


def test_an_image_for_simulated_nodes_is_refused_with_the_reason(api: ApiServer, tmp_path: Path) -> None:
    done = run_localkind("load", "image-archive", str(tmp_path / "x.tar"), "--name", "shared")
    assert done.returncode == 1
    assert "need no images" in done.stderr
