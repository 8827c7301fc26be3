"""Creating and deleting a whole cluster, leaving nothing behind when that fails."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import build, controlplane, kubeconfig, kwok, pki, processes, state
from .errors import LocalkindError
from .progress import Progress
from .state import Cluster


@dataclass(frozen=True)
class Wishes:
    """What the user asked of a new cluster."""

    name: str
    kubeconfig: str | None
    nodes: int
    real_node: bool
    apiserver_arguments: Sequence[str]
    retain: bool


def create(wishes: Wishes, progress: Progress) -> Cluster:
    """Makes a cluster and its context. Whatever goes wrong, nothing stays, unless `retain` is set."""
    if state.find(wishes.name):
        state.create(wishes.name)  # raises, with what to do; before a build of minutes
    pki.require_openssl()
    target = kubeconfig.target(wishes.kubeconfig)
    kubeconfig.read(target)  # raises now rather than after the start when it cannot be merged into
    programs = build.programs(progress, with_node=wishes.real_node)
    cluster = state.create(wishes.name)
    try:
        _bring_up(cluster, programs, wishes, progress)
        cluster.kubeconfig = str(target.absolute())
        cluster.save()
        kubeconfig.merge_into(target, kubeconfig.read(cluster.path("admin.conf")))
    except BaseException:
        _ignore_signals()
        if wishes.retain:
            progress.warn(f"kept for inspection: {cluster.folder} (end it with `delete cluster --name {cluster.name}`)")
        else:
            _tear_down(cluster)
        raise
    return cluster


def _bring_up(cluster: Cluster, programs: Path, wishes: Wishes, progress: Progress) -> None:
    network = controlplane.Network()
    with progress.step("making certificates"):
        controlplane.issue_certificates(cluster, network)
    with progress.step("starting the control plane"):
        api = controlplane.start(cluster, programs, network, wishes.apiserver_arguments)
    with progress.step(f"starting {wishes.nodes} simulated nodes"):
        kwok.start(cluster, programs, api, wishes.nodes, beside_real=wishes.real_node)
        controlplane.wait(cluster, "readiness of all nodes", lambda: not kwok.not_usable(api, wishes.nodes))
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        controlplane.wait(cluster, "the default ServiceAccount", lambda: api.healthy(account))


def delete(name: str, chosen_kubeconfig: str | None, progress: Progress) -> bool:
    """Ends a cluster and removes its folder and context; False when there was none, which is fine."""
    cluster = state.find(name)
    files = kubeconfig.candidates(chosen_kubeconfig)
    if cluster and cluster.kubeconfig:
        files.append(Path(cluster.kubeconfig))
    if cluster:
        with progress.step(f'deleting cluster "{name}"'):
            _tear_down(cluster)
    for path in dict.fromkeys(path.absolute() for path in files):
        kubeconfig.remove_from(path, f"kind-{name}")
    return cluster is not None


def _tear_down(cluster: Cluster) -> None:
    """Ends everything at once: nothing of the cluster is kept, so there is nothing to be saved by a slow end.

    (The API server would linger for up to a minute after SIGTERM.)
    """
    processes.stop([*cluster.processes, *processes.strays(cluster.folder)], grace=0)
    state.remove(cluster)
    if cluster.kubeconfig:
        kubeconfig.remove_from(Path(cluster.kubeconfig), cluster.context)


def load_image_archive(name: str, archive: Path) -> None:
    """Imports a docker-archive into the cluster's real node."""
    cluster = state.require(name)
    if not cluster.real_node:
        raise LocalkindError(
            f'cluster "{name}" has simulated nodes only, which need no images. '
            "Create it with --real-node to run containers"
        )


def _ignore_signals() -> None:
    """While cleaning up, a second Ctrl-C must not leave half of it; cleaning takes a few seconds at most."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
