"""promQuery compares what Prometheus answers with a number and with the same time earlier; unknown is never healthy."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished
from paramedic.actions.prometheus.answer import BODY_LIMIT
from paramedic.actions.reads import HttpAnswer, HttpGet, Read
from paramedic.actions.registry import ACTIONS
from unit.acting import expect, prepare, refused
from unit.builders import NOW
from unit.seen import World

URL = "http://prometheus.monitoring:9090"
BELOW = {"operator": "<", "value": 0.05}
END = round(NOW.timestamp())
DAY = 86_400


def vector(*values: str, **more: Any) -> HttpAnswer:
    """An instant answer, of the Pods a, b, … where it has several series."""
    names = [{"pod": chr(97 + number)} for number in range(len(values))] if len(values) > 1 else [{}]
    result = [{"metric": name, "value": [END, value]} for name, value in zip(names, values, strict=False)]
    return answered({"resultType": "vector", "result": result}, **more)


def matrix(*points: tuple[int, str]) -> HttpAnswer:
    """The answer about a stretch of time, of values by seconds from its end."""
    values = [[END + when, value] for when, value in points]
    return answered({"resultType": "matrix", "result": [{"metric": {"job": "web"}, "values": values}]})


def answered(data: object, **more: Any) -> HttpAnswer:
    return HttpAnswer(200, 0.01, json.dumps({"status": "success", "data": data} | more).encode())


@dataclass
class Prometheus(World):
    """A world whose Prometheus answers differently about other times."""

    earlier: dict[int, HttpAnswer] = field(default_factory=dict)  # by seconds ago

    def answer(self, read: Read) -> Any:
        query = asked_of(expect(HttpGet, read))
        when = int(query.get("time") or query["end"])
        return self.earlier.get(END - when, self.http)


def asked_of(question: HttpGet) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(question.url).query).items()}


def query(answer: HttpAnswer, earlier: dict[int, HttpAnswer] | None = None, **params: Any) -> object:
    given = {"url": URL, "query": "errors"} | ({} if "baseline" in params else {"expect": BELOW}) | params
    return prepare("promQuery", Prometheus(http=answer, earlier=earlier or {}), **given)


def unknown(verdict: object) -> str:
    failed = expect(Failed, verdict)
    assert failed.message.startswith("Unknown: "), failed.message
    assert dict(failed.outputs) == {"samples": 0}
    return failed.message


# --- what is expected


@pytest.mark.parametrize(
    ("operator", "holds", "fails"),
    [("<", "1", "2"), ("<=", "2", "3"), (">", "3", "2"), (">=", "2", "1"), ("==", "2", "1"), ("!=", "1", "2")],
)
def test_a_value_is_compared(operator: str, holds: str, fails: str) -> None:
    wanted = {"operator": operator, "value": 2}
    expect(Finished, query(vector(holds), expect=wanted))
    assert expect(Failed, query(vector(fails), expect=wanted)).message == (
        f"the value is {fails}, expected {operator} 2"
    )


def test_what_was_seen_is_told_and_kept() -> None:
    done = expect(Finished, query(vector("0.01")))
    assert done.message == "the value is 0.01, expected < 0.05"
    assert dict(done.outputs) == {"value": 0.01, "values": [{"series": "", "value": 0.01}], "samples": 1}


def test_every_series_must_pass_and_the_worst_is_named() -> None:
    failed = expect(Failed, query(vector("0.01", "0.5", "0.2")))
    assert failed.message == "the value is 0.5 (pod=b), expected < 0.05"
    assert [item["series"] for item in failed.outputs["values"]] == ["pod=b", "pod=c", "pod=a"]


@pytest.mark.parametrize(("operator", "worst"), [(">", 1.0), (">=", 1.0), ("==", 9.0), ("!=", 3.0)])
def test_which_value_is_the_worst_follows_from_what_is_expected(operator: str, worst: float) -> None:
    verdict = query(vector("3", "1", "9"), expect={"operator": operator, "value": 3})
    assert expect(Failed, verdict).outputs["value"] == worst


def test_what_is_kept_is_bounded() -> None:
    failed = expect(Failed, query(vector(*["1"] * 25)))
    assert (len(failed.outputs["values"]), failed.outputs["samples"]) == (10, 25)


def test_a_scalar_is_a_value() -> None:
    assert expect(Finished, query(answered({"resultType": "scalar", "result": [END, "0.01"]}))).outputs["value"] == 0.01


def test_a_value_that_does_not_hold_can_be_asked_for_again() -> None:
    assert not expect(Failed, query(vector("1"))).final


# --- a stretch of time

RANGE = {"last": "10m", "step": "30s"}


def test_in_a_range_every_value_must_pass() -> None:
    failed = expect(Failed, query(matrix((-60, "0.01"), (-30, "0.9"), (0, "0.02")), range=RANGE))
    assert failed.message == "the value is 0.9 (job=web), expected < 0.05"
    assert failed.outputs["samples"] == 3


def test_a_range_ends_now_and_has_its_step() -> None:
    world = Prometheus(http=matrix((0, "0.01")))
    prepare("promQuery", world, url=URL, query="errors", expect=BELOW, range=RANGE)
    [question] = world.asked
    asked = expect(HttpGet, question)
    assert asked.url.startswith(f"{URL}/api/v1/query_range?")
    assert asked_of(asked) == {"query": "errors", "start": str(END - 600), "end": str(END), "step": "30"}


def test_a_range_whose_data_has_ended_is_unknown() -> None:
    message = unknown(query(matrix((-180, "0.01"), (-150, "0.01")), range=RANGE))
    assert message == "Unknown: the data ends 150 s before it should; is the target still scraped?"


@pytest.mark.parametrize(
    ("last", "step"), [("10s", "30s"), ("24h", "1s"), ("10m", "0s")], ids=["too short", "too many", "no step"]
)
def test_a_range_without_a_sensible_number_of_values_is_refused(last: str, step: str) -> None:
    with pytest.raises(ValidationError, match="must be 1 to 1000 times step"):
        query(vector("1"), range={"last": last, "step": step})


# --- earlier

DAYS = {"offset": ["1d", "7d"], "maxRatio": 2}


def test_a_value_that_is_like_earlier_is_well() -> None:
    done = expect(Finished, query(vector("15"), {DAY: vector("10"), 7 * DAY: vector("8")}, baseline=DAYS))
    assert done.message == "the value is 15, 10 1d ago, 8 7d ago"
    assert done.outputs["baseline"] == {"1d": 10.0, "7d": 8.0}


def test_a_value_that_is_too_many_times_that_of_one_day_is_not_well() -> None:
    failed = expect(Failed, query(vector("21"), {DAY: vector("10"), 7 * DAY: vector("20")}, baseline=DAYS))
    assert failed.message == "the value is 21, more than 2 times the 10 of 1d ago"


def test_a_baseline_without_data_is_unknown_and_what_is_known_is_kept() -> None:
    failed = expect(Failed, query(vector("1"), {DAY: vector("1"), 7 * DAY: vector()}, baseline=DAYS))
    assert failed.message.startswith("Unknown how it was 7d ago: the query found no data")
    assert (failed.outputs["value"], failed.outputs["baseline"]) == (1.0, {"1d": 1.0})


@pytest.mark.parametrize(("now", "holds"), [("0", True), ("0.1", False)])
def test_of_nothing_earlier_only_nothing_is_well(now: str, holds: bool) -> None:
    verdict = query(vector(now), {DAY: vector("0")}, baseline={"offset": ["1d"], "maxRatio": 2})
    expect(Finished if holds else Failed, verdict)


def test_negative_values_have_no_ratio() -> None:
    verdict = query(vector("-1"), {DAY: vector("-9")}, baseline={"offset": ["1d"], "maxRatio": 2})
    assert expect(Failed, verdict).message.startswith("Unknown: -1 now and -9 1d ago have no ratio")


def test_a_baseline_and_an_expectation_must_both_hold() -> None:
    verdict = query(vector("9"), {DAY: vector("1")}, expect=BELOW, baseline={"offset": ["1d"], "maxRatio": 2})
    assert expect(Failed, verdict).message == (
        "the value is 9, expected < 0.05; the value is 9, more than 2 times the 1 of 1d ago"
    )


@pytest.mark.parametrize("offset", ["0d", "1y", "d", "1d1h", "-1d", "99999d", "٣d"])
def test_an_offset_that_is_none_is_refused(offset: str) -> None:
    with pytest.raises(ValidationError, match=r"is no time earlier; write such as 1h, 1d or 7d|at (least|most)"):
        query(vector("1"), baseline={"offset": [offset], "maxRatio": 2})


# --- what is not known


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (HttpAnswer(0, 5.0, error="connection refused"), "got no answer: connection refused"),
        (vector(), "the query found no data"),
        (vector("NaN"), "a value is nan"),
        (vector("0.01", "NaN"), "a value of pod=b is nan"),
        (vector("+Inf"), "a value is inf, as of a division by zero"),
        (vector("0.01", warnings=["a remote read failed"]), "its answer may be incomplete"),
        (answered({"resultType": "string", "result": [END, "up"]}), "the query gives a string"),
        (answered({"resultType": "vector", "result": [{"metric": {}, "histogram": [END, {}]}]}), "is no number"),
        (answered({}), "the query gives a thing without a type"),
        (HttpAnswer(200, 0.1, b"<html>"), "what answered is not Prometheus"),
        (HttpAnswer(302, 0.1), "answered 302"),
        (HttpAnswer(503, 0.1, b'{"status":"error","error":"query timed out"}'), "answered 503: query timed out"),
        (HttpAnswer(200, 0.1, b'{"status":"error","error":"odd"}'), "answered 200: odd"),
        (HttpAnswer(200, 0.1, b"[" * BODY_LIMIT), "answered more than 1 MiB"),
    ],
)
def test_what_is_not_known_is_never_healthy(answer: HttpAnswer, says: str) -> None:
    for wanted in (BELOW, {"operator": ">=", "value": 0}, {"operator": "!=", "value": 1}):
        assert says in unknown(query(answer, expect=wanted))


def test_a_query_that_prometheus_cannot_read_is_not_tried_again() -> None:
    body = b'{"status":"error","errorType":"bad_data","error":"parse error: unexpected )"}'
    assert refused(query(HttpAnswer(400, 0.1, body))) == (
        f"Unknown: {URL}/api/v1/query answered 400: parse error: unexpected )"
    )


# --- what is asked


def test_the_query_is_sent_as_one_value_whatever_it_holds() -> None:
    world = Prometheus(http=vector("0"))
    text = 'sum(rate(x{code=~"5.."}[5m])) & time=0 # a+b'
    prepare("promQuery", world, url=URL + "/", query=text, expect=BELOW, timeout="7s")
    [question] = world.asked
    asked = expect(HttpGet, question)
    assert asked.url.startswith(f"{URL}/api/v1/query?query=")
    assert asked_of(asked) == {"query": text, "time": str(END)}
    assert (asked.method, asked.timeout) == ("GET", 7.0)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("prometheus:9090", "must begin with http://"),
        ("http://user:secret@prometheus:9090", "user name or password"),
        (URL + "/api/v1/query", "must be the address alone"),
        (URL + "?query=up", "must be the address alone"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, says: str) -> None:
    message = refused(query(vector("0"), url=url))
    assert says in message and "secret" not in message


def test_a_query_that_compares_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="it compares nothing; add expect"):
        query(vector("0"), expect=None)


@pytest.mark.parametrize("timeout", ["0s", "61s"])
def test_a_timeout_out_of_bounds_is_refused(timeout: str) -> None:
    with pytest.raises(ValidationError, match="is not between 1s and 60s"):
        query(vector("0"), timeout=timeout)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Node"])
def test_it_needs_no_permission(kind: str) -> None:
    action = ACTIONS["promQuery"]
    params = action.parameters.model_validate({"url": URL, "query": "up", "expect": BELOW})
    assert action.permissions(params, kind) == frozenset()


# --- what an expression says


def judged(expression: str, answer: HttpAnswer, earlier: dict[int, HttpAnswer] | None = None, **params: Any) -> object:
    return query(answer, earlier, **({"expect": None, "expression": expression} | params))


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("value < 3.0", True),
        ("value < 2.0", False),
        ("series.all(s, s.value < 3.0)", True),
        ("series.exists(s, s.labels.pod == 'b' && s.value < 1.5)", True),
        ("series.filter(s, s.value > 1.5).size() == 1", True),
        ("size(series) == 3", False),
        ("!(value < 3.0)", False),
    ],
)
def test_an_expression_sees_the_worst_value_and_each_series_with_its_labels(expression: str, holds: bool) -> None:
    expect(Finished if holds else Failed, judged(expression, vector("2", "1")))


def test_an_expression_that_is_false_is_told_with_the_value() -> None:
    failed = expect(Failed, judged("value < 2.0", vector("2.5", "1")))
    assert failed.message == "value < 2.0 is false: the value is 2.5 (pod=a)"


@pytest.mark.parametrize(("factor", "kind"), [("1.5", Failed), ("2.5", Finished)])
def test_an_expression_sees_the_same_time_earlier(factor: str, kind: type) -> None:
    baseline = {"offset": ["1d"]}
    found = judged(f"value < {factor} * baseline['1d']", vector("2"), {DAY: vector("1")}, baseline=baseline)
    expect(kind, found)


def test_an_expression_sees_every_value_of_a_range() -> None:
    stretch = {"last": "1m", "step": "30s"}
    found = judged("series.all(s, s.values.exists(v, v > 2.0))", matrix((-30, "1"), (0, "3")), range=stretch)
    expect(Finished, found)


def test_expect_and_expression_must_both_hold() -> None:
    failed = expect(Failed, judged("value < 3.0", vector("2"), expect=BELOW))
    assert failed.message == "the value is 2, expected < 0.05"


def test_an_expression_that_cannot_be_decided_is_unknown_and_never_healthy() -> None:
    failed = expect(Failed, judged("series.all(s, s.labels.zone != 'a')", vector("1")))
    assert failed.message.startswith("Unknown: ") and "has no truth value" in failed.message


@pytest.mark.parametrize("answer", [vector(), vector("NaN"), vector("+Inf"), HttpAnswer(0, 1.0, error="refused")])
def test_without_data_no_expression_is_true(answer: HttpAnswer) -> None:
    unknown(judged("!(value > 3.0)", answer))
    unknown(judged("true", answer))


def test_without_data_of_the_time_earlier_no_expression_is_true() -> None:
    found = judged("!(value > 3.0 * baseline['1d'])", vector("1"), {DAY: vector()}, baseline={"offset": ["1d"]})
    assert "Unknown how it was 1d ago" in expect(Failed, found).message


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("value < 5", "write a number with a point, such as 5.0"),
        ("value", "gives a DOUBLE, but must give true or false; compare it, as in value < 2.0"),
        ("valu < 5.0", "it sees value, series (each with labels, value and values) and baseline, by offset"),
        ("value < ", "it ends too early; write CEL"),
        ("value / 2.0 < 1.0", "divides, which has no answer where nothing was counted; multiply"),
        ("value < 2.0 * baseline['7d']", "names baseline['7d'], which is not asked for; add it to baseline.offset"),
        ("value < ${parameters.limit}", "takes no templates"),
        ("incident.name == 'x'", "it sees value, series"),
    ],
)
def test_an_expression_that_is_wrong_is_refused_with_the_mend(expression: str, says: str) -> None:
    with pytest.raises(ValidationError) as error:
        judged(expression, vector("1"))
    assert says in str(error.value)


def test_a_slash_within_quotes_is_no_division() -> None:
    expect(Finished, judged("series.all(s, s.labels.pod != '/x')", vector("1", "2")))


def test_a_baseline_that_nothing_compares_is_refused() -> None:
    with pytest.raises(ValidationError, match="baseline compares nothing; add maxRatio"):
        query(vector("1"), baseline={"offset": ["1d"]})
