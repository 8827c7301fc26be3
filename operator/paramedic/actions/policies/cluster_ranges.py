"""Which addresses are the cluster's own: of its nodes, Pods, Services and API server.

They belong to no namespace, and no Role can grant reading them, so the operator reads them as itself.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from paramedic.actions.reads import Denied, GetObject, ListObjects, Seen
from paramedic.model.addresses import Network
from paramedic.model.objects import Object, dig
from paramedic.model.references import ENDPOINT_SLICE, NODE, SERVICE_CIDR, ObjectRef

_MOST_NODES = 1_000
_NODES = ListObjects(NODE, "", limit=_MOST_NODES, own=True)
_SERVICE_CIDRS = ListObjects(SERVICE_CIDR, "", own=True)
_API_SERVER = ObjectRef.to(ENDPOINT_SLICE, "default", "kubernetes")


@dataclass(frozen=True)
class OwnRange:
    """One of the cluster's own ranges, and whose it is, for a person."""

    network: Network
    whose: str


@dataclass(frozen=True)
class ClusterRanges:
    """``unchecked`` says of what nothing could be read."""

    known: tuple[OwnRange, ...]
    unchecked: tuple[str, ...]

    def overlap(self, wanted: Network) -> OwnRange | None:
        """A range of the cluster that shares addresses with this one."""
        return next((item for item in self.known if item.network.overlaps(wanted)), None)


def cluster_ranges(seen: Seen) -> ClusterRanges:
    """What can be read of the cluster's own ranges, and what cannot."""
    seen.prefetch((_NODES, _SERVICE_CIDRS, GetObject(_API_SERVER, own=True)))
    known: list[OwnRange] = []
    unchecked: list[str] = []
    try:
        nodes = seen.items(_NODES)
        known += [item for node in nodes for item in _of_node(node)]
        if not any(dig(node, "spec", "podCIDRs") or dig(node, "spec", "podCIDR") for node in nodes):
            unchecked.append("Pod addresses (no node names its podCIDRs)")
        if len(nodes) >= _MOST_NODES:
            unchecked.append(f"all but {_MOST_NODES} nodes")
    except Denied:
        unchecked.append("addresses of nodes and Pods")
    try:
        found = seen.items(_SERVICE_CIDRS)
        known += [item for cidr in found for item in _of_service_cidr(cidr)]
        if not found:
            unchecked.append("Service addresses")
    except Denied:
        unchecked.append("Service addresses (no ServiceCIDR can be read)")
    try:
        endpoints = list(_of_api_server(seen.get(_API_SERVER, own=True)))
        known += endpoints
        if not endpoints:
            unchecked.append("the API server's address")
    except Denied:
        unchecked.append("the API server's address")
    return ClusterRanges(tuple(known), tuple(unchecked))


def _of_node(node: Object) -> Iterator[OwnRange]:
    name = node["metadata"]["name"]
    for cidr in dig(node, "spec", "podCIDRs", default=[]) or [dig(node, "spec", "podCIDR")]:
        yield from _range(cidr, f"the Pods of Node/{name}")
    for item in dig(node, "status", "addresses", default=[]):
        if str(item.get("type")).endswith("IP"):
            yield from _range(item.get("address"), f"Node/{name}")


def _of_service_cidr(found: Object) -> Iterator[OwnRange]:
    for cidr in dig(found, "spec", "cidrs", default=[]):
        yield from _range(cidr, f"the Services (ServiceCIDR/{found['metadata']['name']})")


def _of_api_server(found: Object | None) -> Iterator[OwnRange]:
    for endpoint in dig(found, "endpoints", default=[]):
        for address in endpoint.get("addresses") or []:
            yield from _range(address, "the API server")


def _range(text: str | None, whose: str) -> Iterator[OwnRange]:
    try:
        if text:
            yield OwnRange(ipaddress.ip_network(text, strict=False), whose)
    except ValueError:
        return  # a name instead of an address
