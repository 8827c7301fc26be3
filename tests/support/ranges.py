"""The address of the API server, which blockIPs must not block."""

from support.kube import Kube


def api_server_address(kube: Kube) -> str:
    """The address that the cluster names. One whose API server listens on loopback alone names none, as dev/localkind's
    does, so it is given one.
    """
    default = kube.within("default")
    found = [item for item in default.list("endpointslices") if item["metadata"]["name"] == "kubernetes"]
    if not found:
        found = [
            {
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
                "endpoints": [{"addresses": ["192.0.2.10"]}], "ports": [{"name": "https", "port": 6443}],
            }
        ]  # fmt: skip
        default.apply(*found)
    return str(found[0]["endpoints"][0]["addresses"][0])
