"""containerd, in namespaces of its own: its network is the node's, and its mounts vanish with it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from . import images
from .errors import LocalkindError
from .network import NodeNetwork
from .packages import CNI_FOLDER
from .processes import Process
from .state import Cluster

IMPORT_SECONDS = 300
# A container's mounts must show in the kubelet's view, hence shared; but not on the machine, hence private first.
OWN_MOUNTS = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --make-rshared / && exec "$@"', "sh"]


def start(cluster: Cluster, network: NodeNetwork, run: Path) -> Process:
    """Starts containerd, listening on RUN/containerd.sock."""
    folder = cluster.path("node")
    (folder / "cni").mkdir(parents=True)
    (folder / "cni" / "10-bridge.conflist").write_text(json.dumps(_cni(folder, network), indent=2))
    configuration = folder / "containerd.toml"
    configuration.write_text(_containerd(folder, run))
    inside = ["nsenter", f"--net={network.namespace}", *OWN_MOUNTS]
    command = [*inside, "containerd", "--config", str(configuration)]
    return cluster.run("containerd", command)


def answers(run: Path) -> bool:
    """Whether containerd serves."""
    return subprocess.run([*_ctr(run), "version"], capture_output=True).returncode == 0


def load(run: Path, archive: Path) -> None:
    """Imports a docker-archive (or OCI archive). Raises LocalkindError when it is refused."""
    if not archive.is_file():
        raise LocalkindError(f"there is no file {archive}")
    done = subprocess.run(
        [*_ctr(run), "images", "import", str(archive.absolute())],
        capture_output=True, text=True, timeout=IMPORT_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise LocalkindError(
            f"containerd refused {archive}: {(done.stderr or done.stdout).strip()}. "
            "It takes archives as `docker save` and dev/image write them"
        )


def _ctr(run: Path) -> list[str]:
    return ["ctr", "--address", str(run / "containerd.sock"), "--namespace", "k8s.io"]


def _cni(folder: Path, network: NodeNetwork) -> dict[str, object]:
    ranges = {"ranges": [[{"subnet": network.pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,  # a Pod may reach itself through its Service
        "ipMasq": False,
        "ipam": {"type": "host-local", "dataDir": str(folder / "ipam"), **ranges},
    }
    return {
        "cniVersion": "0.4.0",
        "name": "localkind",
        "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }


def _snapshotter(folder: Path) -> str:
    """Overlays cannot be stacked on an overlay, which is what a folder inside a container lies on."""
    kind = subprocess.run(["stat", "--file-system", "--format=%T", str(folder)], capture_output=True, text=True).stdout
    return "native" if kind.strip() == "overlayfs" else "overlayfs"


def _containerd(folder: Path, run: Path) -> str:
    """Version 2 of the format, which containerd 1.6, 1.7 and 2.x read."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    unused = ", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in ("btrfs", "zfs", "devmapper", "aufs"))
    return f"""version = 2
root = "{folder}/containerd"
state = "{run}/state"
disabled_plugins = [{unused}]
[grpc]
  address = "{run}/containerd.sock"
[{cri}]
  sandbox_image = "{images.PAUSE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  [{cri}.cni]
    bin_dir = "{CNI_FOLDER}"
    conf_dir = "{folder}/cni"
  [{cri}.containerd]
    snapshotter = "{_snapshotter(folder)}"
  [{cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [{cri}.containerd.runtimes.runc.options]
      SystemdCgroup = false
"""
