"""The lives of simulated Pods, as data: which tag leads where, which Stage plays when, what a log holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cluster import kubelet, kwok, podlogs, stages
from cluster.lives import LIFE_OF_TAG, Life, is_plain_tag, life_of_pod, tag_of

NOW = "2026-01-02T03:04:05Z"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("web", ""),
        ("web:v1", "v1"),
        ("registry:5000/team/web", ""),
        ("registry:5000/team/web:broken", "broken"),
        ("localhost/web:slow-start@sha256:0123", "slow-start"),
    ],
)
def test_the_tag_is_what_follows_the_last_name(image: str, tag: str) -> None:
    assert tag_of(image) == tag


@pytest.mark.parametrize(
    ("images", "life"),
    [
        (["web:v1"], Life.READY),
        (["web:crash-loop"], Life.CRASH),
        (["proxy:v1", "web:broken"], Life.CRASH),
        (["web:pull-error", "web:broken"], Life.PULL_ERROR),
        (["broken"], Life.READY),
    ],
)
def test_the_first_tag_that_means_something_decides(images: list[str], life: Life) -> None:
    assert life_of_pod(images) is life


def test_tags_need_no_quoting_in_expressions() -> None:
    assert all(is_plain_tag(tag) for tag in LIFE_OF_TAG)


def test_every_life_begins_and_no_stage_has_a_namesake() -> None:
    found = stages.all_stages()
    names = [stage["metadata"]["name"] for stage in found]
    assert len(names) == len(set(names))
    starts = [stage for stage in found if starts_a_pod(stage)]
    begun = [value for stage in starts for value in stage["spec"]["selector"]["matchExpressions"][1]["values"]]
    # Twice for a crash, by restart policy.
    assert sorted(begun) == sorted([*Life, Life.CRASH])


def starts_a_pod(stage: dict[str, Any]) -> bool:
    keys = [each["key"] for each in stage["spec"]["selector"]["matchExpressions"]]
    return ".status.containerStatuses" in keys


def test_nodes_have_ranges_of_their_own_and_say_where_their_logs_are() -> None:
    nodes = list(kwok.nodes(300, 12345, beside_real=False))
    assert len({node["spec"]["podCIDR"] for node in nodes}) == 300
    assert nodes[0]["status"]["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 12345}}
    assert nodes[0]["spec"]["taints"] == []


def test_beside_a_real_node_simulated_ones_keep_real_pods_away() -> None:
    (node,) = kwok.nodes(1, 1, beside_real=True)
    assert node["spec"]["taints"] == [{"key": kwok.FAKE_NODE, "value": "fake", "effect": "NoSchedule"}]


# --- logs


def pod(image: str, state: dict[str, Any], last: dict[str, Any] | None = None) -> dict[str, Any]:
    status = {"name": "web", "state": state, "lastState": last or {}}
    return {
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"containers": [{"name": "web", "image": image}]},
        "status": {"containerStatuses": [status]},
    }


EXIT = {"terminated": {"startedAt": NOW, "exitCode": 1}}


def texts(lines: list[podlogs.Line]) -> list[str]:
    return [line.text for line in lines]


def test_a_running_container_says_that_it_listens() -> None:
    running = pod("web:v1", {"running": {"startedAt": NOW}})
    assert texts(podlogs.lines(running, "web", previous=False)) == ["web: starting web:v1", "web: listening on :8080"]


@pytest.mark.parametrize("previous", [True, False])
def test_a_crashed_container_says_why(previous: bool) -> None:
    crashed = pod("web:broken", {"waiting": {"reason": "CrashLoopBackOff"}}, EXIT)
    assert texts(podlogs.lines(crashed, "web", previous))[-1] == "FATAL: DATABASE_URL is not set"


@pytest.mark.parametrize(
    ("container", "previous", "state", "reason"),
    [
        ("web", False, {"waiting": {"reason": "ImagePullBackOff"}}, "trying and failing to pull image"),
        ("web", True, {"running": {"startedAt": NOW}}, "previous terminated container"),
        ("nobody", False, {"running": {"startedAt": NOW}}, 'container "nobody" in pod "p" is not available'),
    ],
)
def test_no_log_has_the_reason_of_a_kubelet(container: str, previous: bool, state: dict[str, Any], reason: str) -> None:
    with pytest.raises(podlogs.NoLogs, match=reason):
        podlogs.lines(pod("web:v1", state), container, previous)


LINES = [podlogs.Line(AT + timedelta(seconds=second), f"line {second}") for second in range(3)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, b"line 0\nline 1\nline 2\n"),
        ({"tailLines": ["1"]}, b"line 2\n"),
        ({"tailLines": ["0"]}, b""),
        ({"tailLines": ["9"], "limitBytes": ["4"]}, b"line"),
        ({"sinceSeconds": ["9"]}, b"line 1\nline 2\n"),
        ({"sinceTime": ["2026-01-02T03:04:07Z"], "timestamps": ["true"]}, b"2026-01-02T03:04:07.000000000Z line 2\n"),
    ],
)
def test_logs_are_cut_as_asked(query: dict[str, list[str]], expected: bytes) -> None:
    options = kubelet.read_options(query, now=AT + timedelta(seconds=10))
    assert podlogs.render(LINES, options) == expected
