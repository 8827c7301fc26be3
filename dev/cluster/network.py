"""The network of a real node: a bridge on this machine, and a namespace that only the bridge leads into.

Nothing is masqueraded and there is no default route, so Pods cannot leave the machine; the machine's own firewall
and forwarding settings are not touched.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import LocalkindError

MOST_CLUSTERS = 32
DNS_ADDRESS = "169.254.20.10"  # the one that NodeLocal DNSCache uses; it lives inside the namespace alone


@dataclass(frozen=True)
class NodeNetwork:
    """Names and address ranges of cluster number `index` on this machine."""

    index: int

    @property
    def name(self) -> str:
        """Of the bridge, the namespace and the cgroup."""
        return f"localkind{self.index}"

    @property
    def veth(self) -> str:
        """The bridge's end of the cable; an interface's name has 15 characters at most."""
        return f"localkind{self.index}v"

    @property
    def host(self) -> str:
        """The bridge's address, where the API server listens."""
        return f"10.63.{self.index}.1"

    @property
    def node(self) -> str:
        """The node's address."""
        return f"10.63.{self.index}.2"

    @property
    def pods(self) -> str:
        """The range of Pods."""
        return f"10.{64 + self.index}.0.0/24"

    @property
    def services(self) -> str:
        """The range of Services."""
        return f"10.{96 + self.index}.0.0/16"

    @property
    def namespace(self) -> Path:
        """The network namespace, as `ip netns` keeps it."""
        return Path("/run/netns") / self.name


def allocate() -> NodeNetwork:
    """Makes the bridge of the first free number. The kernel refuses a second one of that name, so nobody shares it."""
    taken = _routed()
    for index in range(MOST_CLUSTERS):
        network = NodeNetwork(index)
        ranges = [ipaddress.IPv4Network(each) for each in (f"10.63.{index}.0/24", network.pods, network.services)]
        if any(mine.overlaps(theirs) for mine in ranges for theirs in taken):
            continue
        made = _quietly(["ip", "link", "add", network.name, "type", "bridge"])
        if made.returncode == 0:
            return network
        if "File exists" not in made.stderr:
            raise LocalkindError(f"cannot make a network bridge: {made.stderr.strip()}")
    raise LocalkindError(
        "no free address range: every one of 10.63.0.0/19, 10.64.0.0/11 and 10.96.0.0/11 has a route. "
        "Delete other real-node clusters, or see `ip route`"
    )


def connect(network: NodeNetwork) -> None:
    """Plugs the namespace into the bridge, and routes Pods and Services of the cluster to it."""
    name, veth, inside = network.name, network.veth, ["ip", "-n", network.name]
    run(["ip", "addr", "add", f"{network.host}/24", "dev", name])
    run(["ip", "link", "set", name, "up"])
    run(["ip", "netns", "add", name])
    run(["ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", name])
    run(["ip", "link", "set", veth, "master", name, "up"])
    run([*inside, "link", "set", "lo", "up"])
    run([*inside, "addr", "add", f"{DNS_ADDRESS}/32", "dev", "lo"])
    run([*inside, "addr", "add", f"{network.node}/24", "dev", "eth0"])
    run([*inside, "link", "set", "eth0", "up"])
    # Pods talk to each other through the bridge inside: kube-proxy must see that traffic too, where the kernel can.
    bridged = "/proc/sys/net/bridge/bridge-nf-call-iptables"
    script = f"echo 1 >/proc/sys/net/ipv4/ip_forward; [ ! -e {bridged} ] || echo 1 >{bridged}"
    run(["nsenter", f"--net={network.namespace}", "sh", "-c", script])
    for reached in (network.pods, network.services):
        run(["ip", "route", "add", reached, "via", network.node])


def disconnect(network: NodeNetwork) -> None:
    """Removes all of it; the routes go with the bridge. What is gone already is fine."""
    for command in (
        ["ip", "link", "del", network.veth],
        ["ip", "netns", "del", network.name],
        ["ip", "link", "del", network.name],
    ):
        _quietly(command)


def run(command: Sequence[str]) -> str:
    """Runs a short command. Raises LocalkindError with what it said."""
    done = _quietly(command)
    if done.returncode != 0:
        raise LocalkindError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _quietly(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """In a session of its own: the terminal's Ctrl-C must not end a command of the clean-up that it brought about."""
    return subprocess.run(command, capture_output=True, text=True, start_new_session=True)


def _routed() -> list[ipaddress.IPv4Network]:
    """Where routes of this machine lead, the default route aside."""
    routes = json.loads(run(["ip", "-4", "-j", "route", "show", "table", "all"]) or "[]")
    destinations = (str(route.get("dst", "default")) for route in routes)
    return [ipaddress.IPv4Network(each) for each in destinations if each[0].isdigit() and each != "0.0.0.0/0"]
