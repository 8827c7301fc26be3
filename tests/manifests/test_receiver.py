"""manifests/receiver: what the alert receiver is given, and that it is reached."""

import pytest
import yaml

from support.kube import Kube
from support.manifests import operator_grants, rendered, the

RECEIVER = "manifests/overlays/receiver"


def test_the_receiver_adds_incidents_and_looks_by_name_alone() -> None:
    more = operator_grants(RECEIVER) - operator_grants("manifests/base")
    looks = {(group, resource) for group, resource, verb in more if verb == "get"}
    assert looks == {
        *(("", resource) for resource in ("namespaces", "pods", "services")),
        *(("apps", resource) for resource in ("deployments", "statefulsets", "daemonsets", "replicasets")),
    }
    assert {grant for grant in more if grant[2] != "get"} == {
        ("paramedic.dev", "incidents", "create"), ("paramedic.dev", "incidents/status", "patch"),
    }  # fmt: skip


def test_the_receiver_is_reached_at_its_port_with_the_token_of_a_secret() -> None:
    objects = rendered(RECEIVER)
    pod = the(objects, "Deployment", "paramedic")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert {"name": "alerts", "containerPort": 9095} in container["ports"]
    assert "--receiver=0.0.0.0:9095" in container["args"]
    service = the(objects, "Service", "paramedic-receiver")["spec"]
    policy = the(objects, "NetworkPolicy", "paramedic-receiver")["spec"]
    assert [port["targetPort"] for port in service["ports"]] == ["alerts"]
    assert policy["ingress"][0]["ports"] == [{"protocol": "TCP", "port": "alerts"}]
    labels = pod["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    (mount,) = [item for item in container["volumeMounts"] if item["name"] == "receiver"]
    assert mount == {"name": "receiver", "mountPath": "/etc/paramedic/receiver", "readOnly": True}
    assert {"name": "receiver", "secret": {"secretName": "paramedic-receiver"}} in pod["spec"]["volumes"]
    assert f"--receiver-token-file={mount['mountPath']}/tokens" in container["args"]


@pytest.mark.e2e
def test_the_api_server_takes_the_receiver(namespace: Kube) -> None:
    objects = [obj for obj in rendered(RECEIVER) if obj["kind"] != "Namespace"]
    for obj in objects:
        if "namespace" in obj["metadata"]:
            obj["metadata"]["namespace"] = namespace.namespace
    arguments = ("apply", "--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server", "-f", "-")
    assert len(namespace.run(*arguments, stdin=yaml.safe_dump_all(objects)).splitlines()) == len(objects)
