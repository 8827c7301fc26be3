"""What is read from the API server's audit log."""

import json
from pathlib import Path
from typing import Any

from bench.audit import AuditLog, parse_line


def line(**fields: Any) -> bytes:
    known = {
        "stage": "ResponseComplete",
        "verb": "patch",
        "userAgent": "paramedic/0.1.0",
        "objectRef": {"resource": "deployments", "namespace": "shop", "name": "web", "apiGroup": "apps"},
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-01-31T09:30:00.250000Z",
        "stageTimestamp": "2026-01-31T09:30:00.257500Z",
    }
    return json.dumps(known | fields, separators=(",", ":")).encode() + b"\n"


def test_an_entry_says_who_asked_what_and_when() -> None:
    entry = parse_line(line())
    assert entry is not None
    assert (entry.agent, entry.verb, entry.resource, entry.namespace, entry.name) == (
        "paramedic/0.1.0", "patch", "deployments", "shop", "web",
    )  # fmt: skip
    assert round(entry.done - entry.received, 6) == 0.0075


def test_a_subresource_is_told_from_its_resource() -> None:
    ref = {"resource": "incidents", "subresource": "status", "namespace": "shop", "name": "down"}
    entry = parse_line(line(objectRef=ref, verb="update"))
    assert entry is not None
    assert entry.resource == "incidents/status"


def test_what_is_not_an_answer_is_left_out() -> None:
    assert parse_line(line(stage="ResponseStarted")) is None
    assert parse_line(line(objectRef=None)) is None


def test_a_patch_that_was_refused_is_no_restart() -> None:
    done, refused = parse_line(line()), parse_line(line(responseStatus={"code": 409}))
    assert done is not None and refused is not None
    assert done.restarts
    assert not refused.restarts
    assert not refused.writes


def test_an_access_review_is_a_question_and_no_write() -> None:
    entry = parse_line(line(verb="create", objectRef={"resource": "selfsubjectaccessreviews"}))
    assert entry is not None
    assert not entry.writes


def test_following_begins_where_the_log_ends_and_waits_for_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(line())
    log = AuditLog(path, ["paramedic/"])
    assert log.read() == []
    whole = line(verb="get")
    with path.open("ab") as file:
        file.write(whole[:40])
    assert log.read() == []
    with path.open("ab") as file:
        file.write(whole[40:])
    assert [entry.verb for entry in log.read()] == ["get"]


def test_requests_of_other_programs_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.touch()
    log = AuditLog(path, ["paramedic/", "kubectl"])
    path.write_bytes(line(userAgent="kube-scheduler") + line(userAgent="kubectl/v1.37.2"))
    assert [entry.agent for entry in log.read()] == ["kubectl/v1.37.2"]


def test_a_mark_separates_what_was_before_from_what_comes(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.touch()
    log = AuditLog(path, ["paramedic/"])
    path.write_bytes(line())
    assert log.mark() == 1
    with path.open("ab") as file:
        file.write(line(verb="get"))
    log.read()
    assert [entry.verb for entry in log.entries[1:]] == ["get"]


async def test_waiting_ends_with_the_entry_that_is_wanted_or_when_the_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.touch()
    log = AuditLog(path, ["paramedic/"])
    path.write_bytes(line(verb="get") + line())
    found = await log.wait_for(lambda entry: entry.restarts, 1.0)
    assert found is not None and found.name == "web"
    assert await log.wait_for(lambda entry: entry.restarts, 0.0) is None
