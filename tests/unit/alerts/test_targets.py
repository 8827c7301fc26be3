"""Which object an alert is about, by its labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.alerts.targets import candidates, is_namespace, namespace_label, selected_by
from support.objects import deployment, workload


def named(**labels: str) -> list[str]:
    return [str(item.ref) for item in candidates(labels, "shop")]


def test_a_workload_comes_before_its_pod_and_what_serves_it() -> None:
    labels = {
        "node": "n1", "service": "web", "pod": "web-1", "replicaset": "web-a", "daemonset": "d", "statefulset": "s",
        "deployment": "web", "instance": "n2:9100",
    }  # fmt: skip
    assert named(**labels) == [
        "Deployment/web", "StatefulSet/s", "DaemonSet/d", "ReplicaSet/web-a", "Pod/web-1", "Service/web", "Node/n1",
        "Node/n2",
    ]  # fmt: skip


def test_a_candidate_says_which_label_names_it() -> None:
    assert [str(item) for item in candidates({"exported_pod": "web-1"}, "shop")] == ["Pod/web-1 (label exported_pod)"]


def test_objects_are_looked_for_in_the_alerts_namespace_and_nodes_in_none() -> None:
    assert [item.ref.namespace for item in candidates({"pod": "web-1", "node": "n1"}, "shop")] == ["shop", ""]


@pytest.mark.parametrize("label", ["job", "endpoint", "container", "cluster", "job_name", "app"])
def test_other_labels_name_no_target(label: str) -> None:
    assert named(**{label: "web"}) == []


@pytest.mark.parametrize("name", ["", "Web", "web_1", "../../secrets/x", "a/b", "web?x=1", "-web", "web\n", "x" * 254])
def test_what_no_object_can_be_called_is_not_looked_for(name: str) -> None:
    assert named(pod=name, deployment=name, node=name) == []


@pytest.mark.parametrize(
    ("instance", "host"),
    [("n1:9100", ["Node/n1"]), ("n1", ["Node/n1"]), ("10.0.0.1:9100", ["Node/10.0.0.1"]), ("https://shop.example/x", []),
     ("[::1]:9100", []), ("n1:metrics", [])],
)  # fmt: skip
def test_an_instance_may_be_a_node(instance: str, host: list[str]) -> None:
    assert named(instance=instance) == host


# --- labels of the exporter itself


def test_exported_labels_come_before_plain_ones() -> None:
    assert named(exported_deployment="web", deployment="api") == ["Deployment/web", "Deployment/api"]
    assert namespace_label({"exported_namespace": "shop", "namespace": "monitoring"}) == "shop"
    assert namespace_label({"namespace": "shop"}) == "shop"
    assert namespace_label({}) == ""


def test_the_pod_of_an_exporter_whose_labels_collide_is_no_target() -> None:
    labels = {"pod": "kube-state-metrics-7d9f", "exported_pod": "web-x", "service": "kube-state-metrics"}
    assert named(**labels) == ["Pod/web-x"]
    assert named(exported_namespace="shop", deployment="web", pod="some-exporter-1") == ["Deployment/web"]


@pytest.mark.parametrize(
    "labels",
    [
        {"job": "kube-state-metrics", "pod": "kps-kube-state-metrics-7d9f", "service": "kps-kube-state-metrics"},
        {"job": "node-exporter", "pod": "kps-prometheus-node-exporter-x2", "container": "node-exporter"},
        {"job": "monitoring/blackbox_exporter", "pod": "blackbox_exporter-1", "service": "blackbox_exporter"},
    ],
)
def test_an_exporter_that_reports_a_node_is_not_the_target(labels: dict[str, str]) -> None:
    assert named(**labels, node="n1") == ["Node/n1"]


def test_an_exporter_beside_an_application_does_not_hide_its_pod() -> None:
    assert named(job="redis-exporter", container="redis-exporter", pod="redis-0") == ["Pod/redis-0"]


def test_the_pod_of_an_application_that_was_scraped_itself_is_the_target() -> None:
    assert named(job="web", service="web", pod="web-1", instance="10.0.0.1:80")[0] == "Pod/web-1"


@given(st.dictionaries(st.text(), st.text()))
def test_no_labels_lead_to_a_name_that_would_change_a_path(labels: dict[str, str]) -> None:
    for item in candidates(labels, "shop"):
        assert item.ref.path.endswith("/" + item.ref.name)
        assert set(item.ref.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


@pytest.mark.parametrize(
    ("text", "is_one"), [("shop", True), ("a" * 63, True), ("a" * 64, False), ("a.b", False), ("", False)]
)
def test_a_namespace_is_a_dns_label(text: str, is_one: bool) -> None:
    assert is_namespace(text) is is_one


# --- behind a Service


def service(**selector: str) -> dict[str, object]:
    return {"kind": "Service", "metadata": {"name": "front"}, "spec": {"selector": selector}}


def test_a_service_leads_to_the_workloads_whose_pods_it_selects() -> None:
    there = [deployment("web"), deployment("api"), workload("StatefulSet", "db")]
    assert [str(ref) for ref in selected_by(service(app="web"), there)] == ["Deployment/web"]
    assert [str(ref) for ref in selected_by(service(app="db"), there)] == ["StatefulSet/db"]


@pytest.mark.parametrize("found", [service(), {"kind": "Service", "spec": {"type": "ExternalName"}}])
def test_a_service_without_a_selector_leads_to_nothing(found: dict[str, object]) -> None:
    assert selected_by(found, [deployment("web")]) == []
