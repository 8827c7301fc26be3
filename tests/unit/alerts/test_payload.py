"""Alertmanager's webhook: what is read, and what is refused by which words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.alerts.moments import canonical_moment, in_order
from paramedic.alerts.payload import Malformed, ReceivedAlert, fingerprint_of, parse
from support.alerts import alert, body, notification, resolved


def one(**fields: Any) -> ReceivedAlert:
    (found,) = parse(body(alert(**fields))).alerts
    return found


def refusal(content: bytes | object) -> str:
    with pytest.raises(Malformed) as caught:
        parse(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(caught.value)


def test_an_alert_comes_with_its_own_status_whatever_the_groups_is() -> None:
    found = parse(body(alert("One"), resolved("Two"), status="firing")).alerts
    assert {item.name: item.firing for item in found} == {"One": True, "Two": False}


def test_a_firing_alert_has_no_end_and_a_resolved_one_has() -> None:
    assert one().ends_at == ""
    (ended,) = parse(body(resolved())).alerts
    assert ended.ends_at == "2026-01-01T00:05:00Z"


def test_fields_that_are_not_known_are_not_looked_at() -> None:
    assert one(silenced=[1, None, {}], novelty={"a": 1}).name == "InstanceDown"


def test_what_may_be_left_out_may_be_null() -> None:
    found = one(annotations=None, generatorURL=None, fingerprint=None, endsAt=None)
    assert (found.annotations, found.generator_url, found.ends_at) == ({}, "", "")


def test_alerts_that_say_the_same_come_once() -> None:
    assert len(parse(body(alert(), alert(), alert(annotations={"summary": "in other words"}))).alerts) == 1
    assert len(parse(body(alert(), resolved())).alerts) == 2


def test_alerts_come_in_the_order_in_which_they_began() -> None:
    late, early = "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z"
    found = parse(body(alert(starts_at=late), alert(starts_at=early))).alerts
    assert [item.starts_at for item in found] == [early, late]


def test_alerts_that_were_left_out_are_counted() -> None:
    assert parse(body(alert(), truncatedAlerts=3)).truncated == 3


# --- telling alerts apart


def test_the_fingerprint_is_the_one_that_alertmanager_gives() -> None:
    assert one(fingerprint="b2c3d4e5f6a70819").fingerprint == "b2c3d4e5f6a70819"


def test_a_missing_fingerprint_is_computed_as_alertmanager_does() -> None:
    # Vectors of github.com/prometheus/common/model: the empty label set, and FNV-1a by hand.
    assert fingerprint_of({}) == "cbf29ce484222325"
    assert one(labels={"b": "2", "a": "1"}).fingerprint == one(labels={"a": "1", "b": "2"}).fingerprint
    assert one(labels={"a": "1"}).fingerprint != one(labels={"a": "2"}).fingerprint
    assert one(fingerprint="").fingerprint == one().fingerprint


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00.12Z", "2026-01-01T00:00:00.120000000Z", "2026-01-01T02:00:00.12+02:00",
        "2025-12-31T18:30:00.120-05:30",
    ],
)  # fmt: skip
def test_one_moment_has_one_form(text: str) -> None:
    assert canonical_moment(text) == "2026-01-01T00:00:00.12Z"


def test_nanoseconds_tell_moments_apart() -> None:
    assert canonical_moment("2026-01-01T00:00:00.000000001Z") != canonical_moment("2026-01-01T00:00:00.000000002Z")


@given(st.lists(st.integers(0, 10**18), min_size=2, max_size=2))
def test_moments_sort_by_time(nanoseconds: list[int]) -> None:
    texts = [
        canonical_moment(f"2026-01-{1 + value // 10**17:02}T00:00:{value // 10**10 % 60:02}.{value % 10**9:09}Z")
        for value in nanoseconds
    ]
    times = [(value // 10**17, value // 10**10 % 60, value % 10**9) for value in nanoseconds]
    assert (in_order(texts[0]) < in_order(texts[1])) == (times[0] < times[1])
    assert (texts[0] == texts[1]) == (times[0] == times[1])


# --- refusals


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"labels": {}}, "alerts[1].labels.alertname: is missing or empty"),
        ({"labels": {"alertname": " "}}, "alerts[1].labels.alertname: is missing or empty"),
        ({"labels": {"alertname": 3}}, "alerts[1].labels.alertname: Input should be a valid string"),
        ({"labels": {"alertname": "A", "code": 500}}, "alerts[1].labels.code: Input should be a valid string"),
        ({"labels": {"x" * 5000: 1}}, "alerts[1].labels.xxx"),
        ({"annotations": []}, "alerts[1].annotations: Input should be an object"),
        ({"status": "pending"}, "alerts[1].status: Input should be 'firing' or 'resolved'"),
        ({"startsAt": "yesterday"}, "alerts[1].startsAt: is not a moment in RFC 3339, such as 2026-01-31T09:30:00Z"),
        ({"startsAt": "2026-02-30T00:00:00Z"}, "alerts[1].startsAt: is not a moment that exists"),
        ({"startsAt": "0001-01-01T00:00:00Z"}, "alerts[1].startsAt: is not set"),
        ({"startsAt": "0001-01-01T00:00:00+01:00"}, "alerts[1].startsAt: is not a moment that exists"),
        ({"startsAt": ""}, "alerts[1].startsAt: is not set"),
        ({"startsAt": 5}, "alerts[1].startsAt: Input should be a valid string"),
        ({"endsAt": "soon"}, "alerts[1].endsAt: is not a moment"),
        ({"fingerprint": "a,status.phase=Running"}, "alerts[1].fingerprint: String should match pattern"),
        ({"fingerprint": "a" * 65}, "alerts[1].fingerprint: String should match pattern"),
        ({"generatorURL": {}}, "alerts[1].generatorURL: Input should be a valid string"),
    ],
)
def test_a_refusal_names_the_field(fields: dict[str, Any], told: str) -> None:
    text = refusal(body(alert(), alert() | fields))
    assert text.startswith(told)
    assert len(text) < 300


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the body: Invalid JSON: EOF"),
        (b"alertname=InstanceDown", "the body: Invalid JSON"),
        (b"[]", "the body: Input should be an object"),
        (b"null", "the body: Input should be an object"),
        ({"alerts": []}, "version: Field required"),
        (notification(version="3"), "version: is not 4"),
        (notification(version=4), "version: Input should be a valid string"),
        ({"version": "4"}, "alerts: Field required"),
        (notification() | {"alerts": None}, "alerts: Input should be a valid array"),
        (notification() | {"alerts": {}}, "alerts: Input should be a valid array"),
        (notification() | {"alerts": [None]}, "alerts[0]: Input should be an object"),
        (notification(truncatedAlerts=-1), "truncatedAlerts: "),
    ],
)
def test_what_is_no_notification_is_refused(content: bytes | object, told: str) -> None:
    assert refusal(content).startswith(told)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe{}", body(alert())[:-1], body(alert()).decode().encode("utf-16"), b"\xef\xbb\xbf" + body(alert()),
        body(alert()).replace(b"InstanceDown", b"\\ud800"), body(alert()).replace(b"InstanceDown", b"\xc3\x28"),
        body(alert())[:-1] + b',"x":' + b"[" * 500_000, body(alert())[:-1] + b',"x":' + b'{"a":' * 100_000,
        body(alert())[:-1] + b',"x":' + b"9" * 500_000 + b"}",
    ],
    ids=[
        "not UTF-8", "cut off", "UTF-16", "byte order mark", "lone surrogate", "broken UTF-8", "deep lists",
        "deep objects", "endless number",
    ],
)  # fmt: skip
def test_what_json_does_not_allow_is_refused(content: bytes) -> None:
    assert refusal(content).startswith("the body: Invalid JSON")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    for content in (value, notification(value), notification(alert() | {"labels": value}), notification(x=value)):  # type: ignore[arg-type]
        try:
            parse(json.dumps(content).encode())
        except Malformed as error:
            assert str(error)


# --- texts


def test_control_characters_and_direction_marks_are_replaced() -> None:
    found = one(name="Disk\x1b[31mFull", labels={"team": "a\u202eb"}, annotations={"summary": "one\n\ttwo\x00"})
    assert found.name == "Disk\ufffd[31mFull"
    assert found.labels["team"] == "a\ufffdb"
    assert found.annotations["summary"] == "one\n\ttwo\ufffd"


def test_a_name_is_one_line() -> None:
    assert one(name=" Disk \n full ").name == "Disk full"


@pytest.mark.parametrize(
    "text", ["{{ $labels.pod }}", "$(reboot)", "${parameters.x}", "[a](javascript:b)", "%s", "x" * 900_000]
)
def test_texts_are_data(text: str) -> None:
    assert one(labels={"pod": text}).labels["pod"] == text
