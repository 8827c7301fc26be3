"""The cluster that the end-to-end tests run on: a given one, real kind, or dev/localkind."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kube import Kube, kubectl_path

ROOT = Path(__file__).resolve().parent.parent
CLUSTER_NAME = "paramedic-test"


def pytest_configure(config: pytest.Config) -> None:
    """Points pytest-kind at dev/localkind where no container engine runs."""
    if not getattr(config.option, "kind_bin", None) and not _docker_runs():
        config.option.kind_bin = str(ROOT / "dev" / "localkind")
    if config.getoption("cluster_name", None) in (None, "pytest-kind"):
        config.option.cluster_name = f"{CLUSTER_NAME}-{os.getpid()}"
    if not getattr(config.option, "kind_kubectl_bin", None):
        config.option.kind_kubectl_bin = kubectl_path()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests each tier has, and how long they took, fixtures included."""
    tiers: dict[str, tuple[int, float]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                tier = report.nodeid.split("/")[1] if report.nodeid.count("/") > 1 else "other"
                count, seconds = tiers.get(tier, (0, 0.0))
                tiers[tier] = (count + (report.when == "call"), seconds + report.duration)
    terminalreporter.section("tiers")
    for tier, (count, seconds) in sorted(tiers.items(), key=lambda item: item[1][1]):
        terminalreporter.write_line(f"{tier:12} {count:4} tests {seconds:8.1f} s")


def _docker_runs() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def real_kubeconfig(request: pytest.FixtureRequest) -> str:
    """The kubeconfig of a real API server, by path. No cluster is a failure, never a skip."""
    given = os.environ.get("PARAMEDIC_TEST_KUBECONFIG")
    if given:
        return given
    cluster = request.getfixturevalue("kind_cluster")
    return str(cluster.kubeconfig_path)


@pytest.fixture(scope="session")
def installed(real_kubeconfig: str) -> Kube:
    """A cluster with the CRDs and the action roles of this checkout."""
    kube = Kube(real_kubeconfig)
    kube.run("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds" / "incidents.yaml"))
    kube.run("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds" / "playbooks.yaml"))
    kube.run("wait", "--for=condition=Established", "crd/incidents.paramedic.dev", "crd/playbooks.paramedic.dev")
    kube.run("apply", "-f", str(ROOT / "manifests" / "base" / "action-roles.yaml"))
    return kube


@pytest.fixture
def namespace(installed: Kube, request: pytest.FixtureRequest) -> Iterator[Kube]:
    """A namespace of the test's own, deleted after it."""
    name = "t-" + os.urandom(4).hex()
    installed.run("create", "namespace", name)
    yield installed.within(name)
    installed.run("delete", "namespace", name, "--wait=false")
