"""dev/localkind --real-node: containers really run, and nothing of them stays."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import host, images, network, state
from cluster.api import ApiServer
from localkind.clusters import DEPLOYMENTS, PODS, api_of, container_status, deployment, eventually, log, pod, traces
from localkind.conftest import run_localkind

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.realnode,
    # In CI a machine that cannot do this is a mistake to be seen; at home it is most machines.
    pytest.mark.skipif(os.geteuid() != 0 and not os.environ.get("CI"), reason="a real node needs root"),
]
SETTINGS = [Path("/proc/sys") / name for name in host.SETTINGS]
PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two clusters with a real node each; at the end, nothing may be left of them."""
    folder = tmp_path_factory.mktemp("real") / "clusters"
    chosen = {"PARAMEDIC_LOCALKIND_HOME": str(folder), "KUBECONFIG": str(folder.parent / "kubeconfig")}
    before, settings = {key: os.environ.get(key) for key in chosen}, [path.read_text() for path in SETTINGS]
    os.environ.update(chosen)
    try:
        for name, options in (("one", []), ("two", ["--nodes", "1"])):
            done = run_localkind("create", "cluster", "--name", name, "--real-node", "--install-packages", *options)
            assert done.returncode == 0, done.stderr
        networks = [network.NodeNetwork(int(state.require(name).real_node["index"])).name for name in ("one", "two")]
        yield folder
    finally:
        for name in ("one", "two"):
            run_localkind("delete", "cluster", "--name", name)
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})
    assert traces(folder, networks) == {}
    others = [path for path in host.RUN.iterdir() if path.is_dir()]
    assert others or [path.read_text() for path in SETTINGS] == settings


@pytest.fixture(scope="module")
def api(clusters: Path) -> ApiServer:
    """The first of the two."""
    return api_of("one")


def available(api: ApiServer, name: str) -> int:
    """How many replicas can serve."""
    return int(api.call("GET", f"{DEPLOYMENTS}/{name}")[1]["status"].get("availableReplicas", 0))


def phase(api: ApiServer, name: str) -> str:
    """The Pod's phase."""
    return str(api.call("GET", f"{PODS}/{name}")[1]["status"].get("phase", ""))


@pytest.fixture(scope="module")
def service(api: ApiServer) -> str:
    """The address of a Service over two web servers."""
    api.create(DEPLOYMENTS, deployment("web", "localhost/web:v1", 2, readinessProbe=PROBE))
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    api.create("/api/v1/namespaces/default/services", {"metadata": {"name": "web"}, "spec": spec})
    eventually(lambda: available(api, "web") == 2)
    return str(api.call("GET", "/api/v1/namespaces/default/services/web")[1]["spec"]["clusterIP"])


def test_this_machine_reaches_a_service(service: str) -> None:
    def answer() -> str:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{service}/", timeout=3) as response:
            return str(response.read().decode())

    def settled() -> str:
        try:
            return answer()
        except OSError:
            return ""  # kube-proxy writes its rules a moment after the Pods are ready

    assert eventually(settled) == "ok v1\n"


def test_a_pod_reaches_a_service_by_name(api: ApiServer, service: str) -> None:
    caller = pod("caller", "localhost/web:v1", restartPolicy="OnFailure")
    command = ["sh", "-c", "timeout 3 wget -qO- http://web.default.svc.cluster.local/"]
    caller["spec"]["containers"][0]["command"] = command
    api.create(PODS, caller)
    eventually(lambda: phase(api, "caller") == "Succeeded")
    assert log(api, "caller")[1] == "ok v1\n"


def test_a_rollout_to_another_image_succeeds(api: ApiServer) -> None:
    api.create(DEPLOYMENTS, deployment("rolling", "localhost/web:v1", 2, readinessProbe=PROBE))
    eventually(lambda: available(api, "rolling") == 2)
    _, found = api.call("GET", f"{DEPLOYMENTS}/rolling")
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "localhost/web:v2"
    assert api.call("PUT", f"{DEPLOYMENTS}/rolling", found)[0] == 200

    def new_ones_serve() -> bool:
        items = api.call("GET", f"{PODS}?labelSelector=app%3Drolling")[1]["items"]
        return [item["spec"]["containers"][0]["image"] for item in items] == ["localhost/web:v2"] * 2

    # Old Pods that take SIGTERM are gone in seconds, not after their 30 s of grace.
    eventually(new_ones_serve, 20)


def test_a_broken_image_crashes_and_says_why(api: ApiServer) -> None:
    api.create(PODS, pod("broken", "localhost/web:broken"))
    eventually(lambda: container_status(api, "broken").get("restartCount", 0) >= 1)
    assert "FATAL: DATABASE_URL is not set" in log(api, "broken")[1]


def test_an_image_that_nobody_loaded_cannot_be_pulled(api: ApiServer) -> None:
    api.create(PODS, pod("unknown", "localhost/unknown:v1"))

    def reason() -> str:
        return str((container_status(api, "unknown").get("state", {}).get("waiting") or {}).get("reason"))

    eventually(lambda: reason() in ("ErrImagePull", "ImagePullBackOff"))


def test_a_loaded_archive_runs(api: ApiServer, tmp_path: Path) -> None:
    layer = images.base()
    layer.add("/start", b"#!/bin/sh\necho loaded\n", 0o755)
    archive = images.write(tmp_path, "localhost/mine:v7", layer, {"Entrypoint": ["/start"]})
    done = run_localkind("load", "image-archive", str(archive), "--name", "one")
    assert done.returncode == 0, done.stderr
    api.create(PODS, pod("mine", "localhost/mine:v7", restartPolicy="Never"))
    eventually(lambda: phase(api, "mine") == "Succeeded")
    assert log(api, "mine")[1] == "loaded\n"


def test_a_file_that_is_no_archive_is_refused(clusters: Path, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_text("no tar")
    done = run_localkind("load", "image-archive", str(tmp_path / "x.tar"), "--name", "one")
    assert done.returncode == 1
    assert "containerd refused" in done.stderr


def test_beside_simulated_nodes_pods_still_go_to_the_real_one(clusters: Path) -> None:
    two = api_of("two")
    two.create(PODS, pod("real", "localhost/web:v2"))
    eventually(lambda: phase(two, "real") == "Running")
    assert two.call("GET", f"{PODS}/real")[1]["spec"]["nodeName"] == "real-node-0"
