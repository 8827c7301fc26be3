"""etcd, the API server and the controllers: their flags, and waiting until they serve."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import audit, kubeconfig, ports, processes
from .api import ApiServer
from .errors import ComponentFailed
from .pki import Authority
from .state import Cluster

READY_SECONDS = 90.0
POLL_SECONDS = 0.1
ETCD_SECONDS = 20.0
PORT_TAKEN = "address already in use"
# Users of the cluster's own programs, by certificate. `kubernetes-admin` is the user's, `localkind` this command's.
USERS = {
    "admin": "/O=system:masters/CN=kubernetes-admin",
    "localkind": "/O=system:masters/CN=localkind",
    "kwok": "/O=system:masters/CN=system:kwok",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "kubelet-client": "/O=system:masters/CN=kube-apiserver-kubelet-client",
}


@dataclass(frozen=True)
class Network:
    """Where the API server listens, and the addresses of Services."""

    host: str = "127.0.0.1"
    services: str = "10.96.0.0/16"

    @property
    def kubernetes_service(self) -> str:
        """The address of the Service `kubernetes`: the first of the range."""
        return self.services.rpartition(".")[0] + ".1"


def issue_certificates(cluster: Cluster, network: Network) -> Authority:
    """Makes the authority and every certificate of the control plane."""
    authority = Authority.create(cluster.path("pki"))
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    names = [f"DNS:{name}" for name in ("localhost", *service)]
    addresses = {"127.0.0.1", network.host, network.kubernetes_service}
    authority.issue("apiserver", "/CN=kube-apiserver", [*names, *(f"IP:{each}" for each in sorted(addresses))])
    authority.issue("kubelet", "/O=system:nodes/CN=system:node:kwok", ["IP:127.0.0.1"])
    for user, subject in USERS.items():
        authority.issue(user, subject)
    return authority


def start(cluster: Cluster, programs: Path, network: Network, extra: Sequence[str]) -> ApiServer:
    """Starts etcd and the API server, waits until it is ready, then starts the controllers.

    Ports are free when we look and may be gone when etcd binds them: then others are tried.
    """
    for attempt in (1, 2, 3):
        try:
            return _start(cluster, programs, network, extra)
        except ComponentFailed as failure:
            if attempt == 3 or PORT_TAKEN not in failure.log_tail:
                raise
            processes.stop(cluster.processes, grace=0)
            cluster.processes.clear()
    raise AssertionError("unreachable: the third attempt returns or raises")


def _start(cluster: Cluster, programs: Path, network: Network, extra: Sequence[str]) -> ApiServer:
    client, peer, secure = ports.free(3)
    cluster.server = f"https://{network.host}:{secure}"
    cluster.run("etcd", _etcd(cluster, programs, client, peer))
    _wait_for_etcd(cluster, client)
    cluster.run("kube-apiserver", _apiserver(cluster, programs, network, client, secure, extra))
    for name in ("admin", "controller-manager", "scheduler", "kwok"):
        write_kubeconfig(cluster, name)
    api = connect(cluster)
    _wait_until_ready(cluster, api)
    cluster.run("kube-controller-manager", _controller_manager(cluster, programs, network))
    cluster.run("kube-scheduler", _scheduler(cluster, programs))
    return api


def connect(cluster: Cluster) -> ApiServer:
    """This command's own access to the cluster."""
    authority = Authority(cluster.path("pki"))
    return ApiServer(cluster.server, authority.certificate, authority.pair("localkind"))


def write_kubeconfig(cluster: Cluster, user: str) -> Path:
    """Writes USER.conf into the cluster's folder."""
    authority, path = Authority(cluster.path("pki")), cluster.path(f"{user}.conf")
    kubeconfig.write(
        path, kubeconfig.render(cluster.context, cluster.server, authority.certificate, authority.pair(user))
    )
    return path


def _wait_for_etcd(cluster: Cluster, port: int) -> None:
    """The API server looks for etcd once a second only, so it is worth having it there at the first look."""
    deadline = time.monotonic() + ETCD_SECONDS
    while not ports.answers("127.0.0.1", port):
        processes.require_alive(cluster.processes)
        if time.monotonic() > deadline:
            raise ComponentFailed("etcd", f"did not listen within {ETCD_SECONDS:.0f} s", _log_tail(cluster, "etcd"))
        time.sleep(POLL_SECONDS)


def _wait_until_ready(cluster: Cluster, api: ApiServer) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not api.healthy():
        processes.require_alive(cluster.processes)
        if time.monotonic() > deadline:
            tail = _log_tail(cluster, "kube-apiserver")
            raise ComponentFailed("kube-apiserver", f"was not ready within {READY_SECONDS:.0f} s", tail)
        time.sleep(POLL_SECONDS)


def _log_tail(cluster: Cluster, name: str) -> str:
    return processes.tail(cluster.path("logs", f"{name}.log"))


def _etcd(cluster: Cluster, programs: Path, client: int, peer: int) -> list[str]:
    client_url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [
        str(programs / "etcd"),
        f"--data-dir={cluster.path('etcd')}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--log-level=warn",
        # A throwaway cluster: nothing of it outlives a crash of the machine, and writes are several times faster.
        "--unsafe-no-fsync",
    ]


def _apiserver(
    cluster: Cluster, programs: Path, network: Network, etcd: int, secure: int, extra: Sequence[str]
) -> list[str]:
    pki, policy = cluster.path("pki"), cluster.path("audit-policy.json")
    policy.write_text(json.dumps(audit.policy(), indent=2) + "\n")
    # Endpoints of the Service `kubernetes` may not be on loopback, where no Pod could reach them anyway.
    reconciler = "none" if network.host.startswith("127.") else "lease"
    return [
        str(programs / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--bind-address={network.host}",
        f"--advertise-address={network.host}",
        f"--secure-port={secure}",
        f"--endpoint-reconciler-type={reconciler}",
        f"--service-cluster-ip-range={network.services}",
        f"--cert-dir={pki}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        f"--kubelet-client-certificate={pki}/kubelet-client.crt",
        f"--kubelet-client-key={pki}/kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={audit_log(cluster)}",
        *(argument if argument.startswith("-") else f"--{argument}" for argument in extra),
    ]


def audit_log(cluster: Cluster) -> Path:
    """Where the API server writes its audit log, one JSON object a line."""
    return cluster.path("audit.log")


def _controller_manager(cluster: Cluster, programs: Path, network: Network) -> list[str]:
    pki = cluster.path("pki")
    return [
        str(programs / "kube-controller-manager"),
        f"--kubeconfig={cluster.path('controller-manager.conf')}",
        "--leader-elect=false",  # there is one alone, and it should not wait for a lease
        "--secure-port=0",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={pki}/sa.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        f"--service-cluster-ip-range={network.services}",
        "--allocate-node-cidrs=false",
        "--node-monitor-grace-period=20s",  # upstream's 50 s would make every test of a lost node wait
        "--kube-api-qps=100",
        "--kube-api-burst=200",
    ]


def _scheduler(cluster: Cluster, programs: Path) -> list[str]:
    return [
        str(programs / "kube-scheduler"),
        f"--kubeconfig={cluster.path('scheduler.conf')}",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def wait(cluster: Cluster, what: str, happened: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
    """Polls `happened()` while the cluster's processes run. Raises ComponentFailed after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if happened():
                return
        except OSError:
            pass  # the API server is busy: the next poll asks again
        processes.require_alive(cluster.processes)
        if time.monotonic() > deadline:
            tails = "\n".join(
                f"--- {process.name} ({Path(process.log).name})\n{processes.tail(Path(process.log), 5)}"
                for process in cluster.processes
            )
            raise ComponentFailed(what, f"did not happen within {seconds:.0f} s", tails)
        time.sleep(POLL_SECONDS)
