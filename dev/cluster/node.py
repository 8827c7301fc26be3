"""A real node: kubelet, kube-proxy and coredns beside containerd, all in the node's own namespaces."""

from __future__ import annotations

import json
import resource
from collections.abc import Sequence
from pathlib import Path

from . import controlplane, host, images, network, processes, runtime
from .api import ApiServer
from .interrupts import deferred
from .network import DNS_ADDRESS, NodeNetwork
from .pki import Authority
from .processes import Process
from .progress import Progress
from .state import Cluster

NODE = "real-node-0"
# Upstream's 300 s would make every test of a repaired container wait.
MOST_BACK_OFF = "20s"


def prepare(cluster: Cluster) -> NodeNetwork:
    """Makes the node's network; the control plane listens on its bridge."""
    with deferred():
        chosen = network.allocate()
        cluster.real_node = {"index": str(chosen.index)}
        cluster.save()
    network.connect(chosen)
    return chosen


def start(cluster: Cluster, programs: Path, api: ApiServer, progress: Progress) -> None:
    """Starts the node and waits until it is Ready and the API server reaches its kubelet."""
    net = _network(cluster)
    with progress.step("starting containerd and loading the sample images"):
        run = host.enter(net.name)
        containerd = runtime.start(cluster, net, run)
        controlplane.wait(cluster, "containerd's start", lambda: runtime.answers(run))
        for archive in images.build_all(cluster.path("images")):
            runtime.load(run, archive)
    with progress.step("starting a real node"):
        host.make_cgroups(net.name)
        _issue_certificates(cluster)
        _start_programs(cluster, programs, net, run, containerd, api)
        controlplane.wait(cluster, f"readiness of node {NODE}", lambda: _ready(api))


def load(cluster: Cluster, archive: Path) -> None:
    """Imports an image archive into the node."""
    runtime.load(host.RUN / _network(cluster).name, archive)


def tear_down(cluster: Cluster) -> None:
    """Ends the node: programs, containers, and all that they left on the machine."""
    net = _network(cluster)
    processes.stop([*cluster.processes, *processes.strays(cluster.folder)], grace=0)
    host.end_cgroups(net.name)
    # containerd's shims carry the cluster's marker, and one may have been starting while we looked.
    processes.stop(processes.strays(cluster.folder), grace=0)
    network.disconnect(net)
    host.leave(net.name)


def _network(cluster: Cluster) -> NodeNetwork:
    return NodeNetwork(int(cluster.real_node["index"]))


def _issue_certificates(cluster: Cluster) -> None:
    authority = Authority(cluster.path("pki"))
    users = {
        "node": f"/O=system:nodes/CN=system:node:{NODE}",
        "kube-proxy": "/CN=system:kube-proxy",
        "dns": "/CN=localkind:dns",
    }
    for name, subject in users.items():
        authority.issue(name, subject)
        controlplane.write_kubeconfig(cluster, name)


def _start_programs(
    cluster: Cluster, programs: Path, net: NodeNetwork, run: Path, containerd: Process, api: ApiServer
) -> None:
    inside = ["nsenter", "--target", str(containerd.pid), "--mount", "--net"]
    folder = cluster.path("node")
    kubelet = _write(folder / "kubelet.json", _kubelet(cluster, net, run))
    proxy = _write(folder / "kube-proxy.json", _kube_proxy(cluster, net))
    corefile = folder / "Corefile"
    corefile.write_text(_corefile(cluster))
    api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", _dns_rights())
    commands: dict[str, Sequence[str]] = {
        "kubelet": [
            f"--config={kubelet}",
            f"--kubeconfig={cluster.path('node.conf')}",
            f"--hostname-override={NODE}",
            f"--node-ip={net.node}",
            f"--root-dir={folder / 'kubelet'}",
            f"--cert-dir={folder / 'kubelet-pki'}",
        ],
        "kube-proxy": [f"--config={proxy}"],
        "coredns": ["-conf", str(corefile)],
    }
    for name, arguments in commands.items():
        command = [*inside, str(programs / name), *arguments]
        cluster.run(name, command)


def _ready(api: ApiServer) -> bool:
    status, node = api.call("GET", f"/api/v1/nodes/{NODE}")
    if status != 200:
        return False
    conditions = {each["type"]: each["status"] for each in node["status"].get("conditions") or []}
    taints = [taint["key"] for taint in node["spec"].get("taints") or []]
    usable = conditions.get("Ready") == "True" and "node.kubernetes.io/not-ready" not in taints
    return usable and api.healthy(f"/api/v1/nodes/{NODE}/proxy/healthz")


def _kubelet(cluster: Cluster, net: NodeNetwork, run: Path) -> dict[str, object]:
    folder = cluster.path("node")
    resolver = folder / "resolv.conf"
    # Lookups beyond the cluster fail at once; a file without a nameserver would give Pods this machine's own.
    resolver.write_text("nameserver 127.0.0.1\n")
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": net.node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(cluster.path("pki", "ca.crt"))},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{run}/containerd.sock",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{net.name}",
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(resolver),
        "failSwapOn": False,
        # Containers without CAP_SYS_RESOURCE may not raise these two.
        "oomScoreAdj": 0,
        "maxOpenFiles": most_files if most_files > 0 else 1_000_000,
        **_disk_limits(),
        "nodeStatusUpdateFrequency": "5s",
        "crashLoopBackOff": {"maxContainerRestartPeriod": MOST_BACK_OFF},
        "featureGates": {"KubeletCrashLoopBackOffMax": True},
        "podLogsDir": str(folder / "podlogs"),
        "volumePluginDir": str(folder / "volume-plugins"),
    }  # fmt: skip


def _disk_limits() -> dict[str, object]:
    """The machine's disk is the user's own: never clear it, and evict only when it is all but full."""
    nearly_full = dict.fromkeys(
        ("nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"), "1%"
    )
    return {
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "50Mi", **nearly_full},
    }


def _kube_proxy(cluster: Cluster, net: NodeNetwork) -> dict[str, object]:
    # Connection tracking limits are the machine's, and zero leaves them alone.
    untouched = {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(cluster.path("kube-proxy.conf"))},
        "clusterCIDR": net.pods,
        "detectLocalMode": "ClusterCIDR",
        "hostnameOverride": NODE,
        "conntrack": untouched,
    }


def _corefile(cluster: Cluster) -> str:
    """Two servers, since within one the `template` plugin answers before `kubernetes`; the rest does not exist."""
    return f"""cluster.local:53 {{
  bind {DNS_ADDRESS}
  errors
  kubernetes cluster.local {{
    kubeconfig "{cluster.path("dns.conf")}"
    ttl 5
  }}
}}
.:53 {{
  bind {DNS_ADDRESS}
  template ANY ANY . {{
    rcode NXDOMAIN
  }}
}}
"""


def _dns_rights() -> dict[str, object]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "localkind:dns"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "localkind:dns"}],
    }


def _write(path: Path, content: dict[str, object]) -> Path:
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path
