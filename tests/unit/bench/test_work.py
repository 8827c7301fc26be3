"""The alerts, the Deployments, and what is counted as whose."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from bench.alerts import Alert
from bench.audit import Entry
from bench.parts import PARTS
from bench.parts.latency import requests_of
from bench.run import pool_size
from bench.stage import Sizes
from bench.workloads import deployment, is_whole, playbook, targets
from paramedic.alerts.payload import parse
from paramedic.engine.readiness.validation import read_playbook
from paramedic.model.names import RESTARTED_ANNOTATION

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def test_the_alerts_are_what_the_receiver_takes() -> None:
    (alert,) = parse(Alert("team-01", "app-0001", NOW).body()).alerts
    assert (alert.labels["namespace"], alert.labels["deployment"]) == ("team-01", "app-0001")
    assert alert.firing


def test_alerts_about_different_deployments_are_different_ones() -> None:
    found = {parse(Alert("team-01", name, NOW).body()).alerts[0].fingerprint for name in ("one", "two")}
    assert len(found) == 2


def test_the_playbook_is_one_that_incidents_can_use() -> None:
    meta = {"name": "restart", "namespace": "team-01", "uid": "u", "generation": 1, "resourceVersion": "1"}
    read, problems = read_playbook(playbook() | {"metadata": meta})
    assert problems == []
    assert read is not None and read.spec.guards.max_concurrent == 1000


def test_neighbouring_targets_are_in_different_namespaces() -> None:
    found = targets(40)
    assert len(set(found)) == 40
    assert all(one[0] != other[0] for one, other in pairwise(found))


def test_there_are_enough_deployments_for_each_part() -> None:
    sizes = Sizes(alerts=10, burst=20, flood=30, kills=2)
    assert {part: pool_size([part], sizes) for part in PARTS} == {
        "footprint": 1, "latency": 40, "burst": 60, "flood": 30, "kills": 40, "repeats": 1,
    }  # fmt: skip
    assert pool_size(list(PARTS), sizes) == 60


def test_a_deployment_is_whole_once_the_last_change_is_rolled_out() -> None:
    item = deployment("web") | {"status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}}
    item["metadata"]["generation"] = 2
    assert not is_whole(item)
    item["status"]["availableReplicas"] = 1
    assert is_whole(item)
    item["metadata"]["generation"] = 3
    assert not is_whole(item)


def request(verb: str, resource: str, name: str, moment: float, status: int = 200) -> Entry:
    return Entry("paramedic/0.1.0", verb, resource, "shop", name, moment, moment + 0.001, status)


def life(incident: str, deployment_name: str, begin: float) -> Iterator[Entry]:
    yield request("create", "incidents", incident, begin)
    yield request("get", "incidents", incident, begin + 1)
    yield request("update", "incidents/status", incident, begin + 2)
    yield request("patch", "deployments", deployment_name, begin + 3)
    yield request("update", "incidents/status", incident, begin + 4)
    yield request("create", "events", "e", begin + 5)


def test_requests_are_counted_for_each_incident_until_its_own_remedy() -> None:
    entries = [*life("a", "web-a", 10.0), *life("b", "web-b", 11.0), request("update", "leases", "paramedic", 12.0)]
    found = requests_of(entries, {("shop", "web-a"): "shop/a", ("shop", "web-b"): "shop/b"})
    assert found.incidents == 2
    assert found.writes_before_remedy == {
        "create incidents": 1.0, "update incidents/status": 1.0, "patch deployments": 1.0,
    }  # fmt: skip
    assert found.writes["update incidents/status"] == 2.0
    assert found.requests["get incidents"] == 1.0
    assert "update leases" not in found.requests


def test_a_write_that_was_refused_is_a_request_and_no_write() -> None:
    entries = [*life("a", "web-a", 10.0), request("update", "incidents/status", "a", 12.5, status=409)]
    found = requests_of(entries, {("shop", "web-a"): "shop/a"})
    assert found.writes["update incidents/status"] == 2.0
    assert found.requests["update incidents/status"] == 3.0


def test_the_floors_do_what_the_remedy_does_and_need_no_module() -> None:
    folder = Path(__file__).resolve().parents[3] / "bench" / "floor"
    assert "require" not in (folder / "go.mod").read_text()
    for name in ("main.go", "floor.py"):
        assert RESTARTED_ANNOTATION in (folder / name).read_text()
