"""Creating and deleting a whole cluster, leaving nothing behind when that fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import build, controlplane, kubeconfig, kwok, node, packages, processes, state
from .errors import LocalkindError
from .interrupts import deferred
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
    install_packages: bool
    retain: bool


def create(wishes: Wishes, progress: Progress) -> Cluster:
    """Makes a cluster and its context. Whatever goes wrong, nothing stays, unless `retain` is set."""
    _require_unused(wishes.name, progress)  # now rather than after a build of minutes; so are the next two
    packages.require(wishes.real_node, wishes.install_packages, progress)
    target = kubeconfig.target(wishes.kubeconfig)
    kubeconfig.read(target)
    programs = build.programs(progress, with_node=wishes.real_node)
    cluster = None
    try:
        with deferred():
            cluster = state.create(wishes.name)
        _bring_up(cluster, programs, wishes, progress)
        with deferred():
            cluster.kubeconfig = str(target.absolute())
            cluster.save()
            kubeconfig.merge_into(target, kubeconfig.read(cluster.path("admin.conf")))
    except BaseException:
        if cluster:
            _give_up(cluster, wishes.retain, progress)
        raise
    return cluster


def _require_unused(name: str, progress: Progress) -> None:
    existing = state.find(name)
    if existing and existing.dead():
        progress.warn(f'cluster "{name}" no longer runs: replacing it')
        _tear_down(existing)
    elif existing:
        raise state.already_exists(name)


def _give_up(cluster: Cluster, retain: bool, progress: Progress) -> None:
    with deferred():
        if retain:
            cluster.retained = True
            cluster.save()
            progress.warn(f"kept for inspection: {cluster.folder} (end it with `delete cluster --name {cluster.name}`)")
            return
        try:
            _tear_down(cluster)
        except LocalkindError as problem:
            progress.warn(f"cleaning up failed too: {problem}")  # the first failure is the one to be raised


def _bring_up(cluster: Cluster, programs: Path, wishes: Wishes, progress: Progress) -> None:
    network = controlplane.Network()
    if wishes.real_node:
        own = node.prepare(cluster)
        network = controlplane.Network(own.host, own.services)
    with progress.step("making certificates"):
        controlplane.issue_certificates(cluster, network)
    with progress.step("starting the control plane"):
        api = controlplane.start(cluster, programs, network, wishes.apiserver_arguments)
    if wishes.real_node:
        node.start(cluster, programs, api, progress)
    if wishes.nodes or not wishes.real_node:
        with progress.step(f"starting {wishes.nodes} simulated nodes"):
            kwok.start(cluster, programs, api, wishes.nodes, beside_real=wishes.real_node)
            controlplane.wait(cluster, "readiness of all nodes", lambda: not kwok.not_usable(api, wishes.nodes))
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    controlplane.wait(cluster, "creation of the default ServiceAccount", lambda: api.healthy(account))


def delete(name: str, chosen_kubeconfig: str | None, progress: Progress) -> bool:
    """Ends a cluster and removes its folder and context; False when there was none, which is fine."""
    cluster = state.find(name)
    files = kubeconfig.candidates(chosen_kubeconfig)
    if cluster and cluster.kubeconfig:
        files.append(Path(cluster.kubeconfig))
    if cluster:
        with progress.step(f'deleting cluster "{name}"'), deferred():
            _tear_down(cluster)
    for path in dict.fromkeys(path.absolute() for path in files):
        kubeconfig.remove_from(path, f"kind-{name}")
    return cluster is not None


def _tear_down(cluster: Cluster) -> None:
    """Ends everything at once: nothing of the cluster is kept, so there is nothing to be saved by a slow end.

    (The API server would linger for up to a minute after SIGTERM.)
    """
    processes.stop([*cluster.processes, *processes.strays(cluster.folder)], grace=0)
    if cluster.real_node:
        node.tear_down(cluster)
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
    node.load(cluster, archive)
