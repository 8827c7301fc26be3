"""What the watch has shown, for waking up early and for counting."""

from typing import Any

from paramedic.index import IncidentIndex


def incident(name: str, phase: str = "", target: str = "Deployment/web", playbook: str = "mend") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "1"},
        "spec": {"playbookRef": {"name": playbook}},
        "status": {"phase": phase, "target": target} if phase else {},
    }


def seen(*objects: dict[str, Any]) -> IncidentIndex:
    index = IncidentIndex()
    for obj in objects:
        index.see(obj)
    return index


def test_an_incident_that_ends_wakes_those_that_wait_for_its_target() -> None:
    index = seen(
        incident("first", "Running"), incident("second", "Pending"), incident("other", "Pending", "Deployment/db")
    )
    assert index.see(incident("first", "Resolved")) == [("shop", "second")]


def test_one_that_had_ended_before_wakes_nobody_again() -> None:
    index = seen(incident("first", "Resolved"), incident("second", "Pending"))
    assert index.see(incident("first", "Resolved")) == []


def test_an_incident_that_is_deleted_wakes_those_that_wait_for_its_target() -> None:
    index = seen(incident("first", "Running"), incident("second", "Pending"))
    assert index.forget(("shop", "first")) == [("shop", "second")]
    assert not index.knows(("shop", "first"))


def test_a_playbook_wakes_the_incidents_that_wait_for_it() -> None:
    index = seen(incident("one", "Pending"), incident("two", "Running"), incident("three", "Pending", playbook="other"))
    assert index.waiting_for_playbook("shop", "mend") == [("shop", "one")]


def test_incidents_are_counted_by_phase() -> None:
    assert seen(incident("one"), incident("two", "Running"), incident("three", "Running")).phases() == {
        "Pending": 1,
        "Running": 2,
    }
