"""`promQuery`: does a number that Prometheus knows hold what is expected of it, or of the same time earlier?"""

import operator
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode, urlsplit

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters
from paramedic.actions.http_check import url_refusal
from paramedic.actions.prometheus.answer import BODY_LIMIT, Series, Unknown, read_series
from paramedic.actions.prometheus.expression import check, holds
from paramedic.actions.reads import HttpGet, Seen
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.expressions import ExpressionError

_SHOWN = 10
_POINTS = 1_000
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def _offset(text: Any) -> Any:
    unit = text[-1:] if isinstance(text, str) else ""
    if unit not in _UNITS or not text[:-1].isdecimal() or not text.isascii() or not 0 < int(text[:-1]) <= 10_000:
        raise ValueError(f"{text!r} is no time earlier; write such as 1h, 1d or 7d")
    return text


class Range(Parameters):
    """A stretch of time up to now."""

    last: Duration = Field(description="How far back, such as 10m.")
    step: Duration = Field("30s", description="The time between two values; at most 1000 in the stretch.")

    @model_validator(mode="after")
    def _few_points(self) -> Self:
        step, last = parse_duration(self.step), parse_duration(self.last)
        if step < timedelta(seconds=1) or not step <= last <= step * _POINTS:
            raise ValueError(
                f"last {self.last} must be 1 to {_POINTS} times step {self.step}; write such as 10m and 30s"
            )
        return self


class Expectation(Parameters):
    """A comparison that every value must pass."""

    operator: Literal["<", "<=", ">", ">=", "==", "!="] = Field(description="How a value compares, as in value < 0.05.")
    value: float = Field(allow_inf_nan=False, description="The number that it is compared with.")


class Baseline(Parameters):
    """The same query at the same time earlier."""

    offset: list[Annotated[str, StringConstraints(min_length=2, max_length=6), BeforeValidator(_offset)]] = Field(
        min_length=1, max_length=4, description="How much earlier, such as 1d and 7d; each must hold."
    )
    max_ratio: float | None = Field(
        None,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="How many times the value then the value now may be. Left out, the expression alone compares.",
    )


class PromQueryParameters(Parameters):
    """Asks a Prometheus, and compares what it answers with a number (expect), with the same time earlier (baseline), by an
    expression, or by several of these. Every series must pass, and in a range every value of it; where there are several,
    the worst is the value.
    No data, NaN, an error, or an answer that may be incomplete is a failure that says Unknown, never zero and never
    healthy. Outputs, where there is data: value (the worst), values (of up to 10 series, the worst first: series and
    value), baseline (the values earlier, by offset), samples (how many values were looked at; 0 without data).
    """

    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="Where Prometheus is, such as http://prometheus.monitoring:9090, without /api. Templates"
        " ${parameters.NAME} are substituted."
    )
    query: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="The PromQL expression; it should give one series, as sum(...) does. Templates ${parameters.NAME} are"
        " substituted."
    )
    range: Range | None = Field(None, description="Asks for a stretch of time up to now; for this instant if left out.")
    expect: Expectation | None = Field(None, description="What every value must be.")
    baseline: Baseline | None = Field(None, description="How much worse than earlier it may be.")
    expression: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        None,
        description="CEL that must be true. It sees value (the worst), series (a list, each with labels, value and, in a"
        " range, values) and baseline (the value earlier by offset), as in value < 2.0 * baseline['1d'] ||"
        " series.all(s, s.labels.zone != 'a'). Numbers are written with a point; it takes no templates and no division.",
    )
    timeout: Duration = Field("10s", description="How long to wait for each answer, 1s to 60s.")

    @field_validator("timeout")
    @classmethod
    def _bounded(cls, text: str) -> str:
        if not timedelta(seconds=1) <= parse_duration(text) <= timedelta(seconds=60):
            raise ValueError(f"{text} is not between 1s and 60s; write such as 10s")
        return text

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if self.expect is None and self.baseline is None and self.expression is None:
            raise ValueError(
                'it compares nothing; add expect, such as {operator: "<", value: 0.05}, baseline or expression'
            )
        if self.baseline is not None and self.baseline.max_ratio is None and "baseline" not in (self.expression or ""):
            raise ValueError(
                "baseline compares nothing; add maxRatio, such as 1.5, or an expression that names baseline"
            )
        if self.expression is not None:
            try:
                check(self.expression, self.baseline.offset if self.baseline else [])
            except ExpressionError as error:
                raise ValueError(f"expression: {error}") from None
        return self


class PromQuery(Action[PromQueryParameters]):
    name = "promQuery"
    phase = "Assess"
    check = True
    parameters = PromQueryParameters
    timeout = timedelta(minutes=2)
    example = (
        'promQuery: {url: "${parameters.prometheus}", query: "sum(rate(http_requests_total{code=~\'5..\'}[5m]))",'
        ' expect: {operator: "<", value: 0.05}}'
    )

    def prepare(self, params: PromQueryParameters, ctx: Context, seen: Seen) -> Finished | Failed:
        if refusal := _base_refusal(params.url):
            return Failed(refusal, final=True)
        offsets = params.baseline.offset if params.baseline else []
        questions = {offset: _question(params, ctx, offset) for offset in ["0s", *offsets]}
        seen.prefetch(questions.values())
        try:
            now = _read(params, ctx, seen, questions["0s"])
        except Unknown as unknown:
            return Failed(f"Unknown: {unknown}", {"samples": 0}, final=unknown.final)
        worst = sorted(((_worst(params, item), item) for item in now), key=lambda pair: _badness(params, pair[0]))
        outputs: dict[str, Any] = {
            "value": worst[0][0],
            "values": [{"series": item.labels, "value": value} for value, item in worst[:_SHOWN]],
            "samples": sum(len(item.points) for item in now),
        }
        complaints, earlier = [], {}
        for offset in offsets:
            try:
                before = _read(params, ctx, seen, questions[offset], offset)
            except Unknown as unknown:
                complaints.append(f"Unknown how it was {offset} ago: {unknown}")
                continue
            earlier[offset] = min((_worst(params, item) for item in before), key=lambda value: _badness(params, value))
        if offsets:
            outputs["baseline"] = earlier
        complaints = [*_complaints(params, worst, earlier), *complaints]
        if params.expression is not None and len(earlier) == len(offsets):
            complaints += _undecided(params.expression, worst, earlier)
        if complaints:
            return Failed("; ".join(complaints), outputs)
        return Finished(f"the value is {worst[0][0]:.6g}{_passed(params, earlier)}", outputs)


def _base_refusal(url: str) -> str:
    """What is wrong with the address of a Prometheus; empty if nothing is."""
    if refusal := url_refusal(url):
        return refusal
    parts = urlsplit(url)
    if parts.query or parts.fragment or "/api/" in parts.path:
        return f"url {url.partition('?')[0]!r} must be the address alone, such as http://prometheus.monitoring:9090"
    return ""


def _question(params: PromQueryParameters, ctx: Context, offset: str) -> HttpGet:
    end = round(ctx.now.timestamp() - _span(offset).total_seconds())
    asked: dict[str, Any] = {"query": params.query}
    if params.range is None:
        path, asked = "query", asked | {"time": end}
    else:
        last, step = (round(parse_duration(text).total_seconds()) for text in (params.range.last, params.range.step))
        path, asked = "query_range", asked | {"start": end - last, "end": end, "step": step}
    seconds = parse_duration(params.timeout).total_seconds()
    return HttpGet(f"{params.url.rstrip('/')}/api/v1/{path}?{urlencode(asked)}", "GET", seconds, BODY_LIMIT)


def _span(offset: str) -> timedelta:
    return timedelta(**{_UNITS[offset[-1]]: int(offset[:-1])})


def _read(params: PromQueryParameters, ctx: Context, seen: Seen, question: HttpGet, offset: str = "0s") -> list[Series]:
    """The series of an answer. Raises Unknown, also for a range whose data ended before it does."""
    found = read_series(seen.http(question), question.url.partition("?")[0])
    if params.range is not None:
        end = ctx.now.timestamp() - _span(offset).total_seconds()
        silent = end - max(when for item in found for when, _ in item.points)
        if silent > parse_duration(params.range.step).total_seconds() + 1:
            raise Unknown(f"the data ends {silent:.0f} s before it should; is the target still scraped?")
    return found


def _badness(params: PromQueryParameters, value: float) -> float:
    """What sorts values, the worst first: by what is expected, or the largest where nothing is."""
    wanted = params.expect
    if wanted is None or wanted.operator in ("<", "<="):
        return -value
    if wanted.operator in (">", ">="):
        return value
    distance = abs(value - wanted.value)
    return -distance if wanted.operator == "==" else distance


def _worst(params: PromQueryParameters, series: Series) -> float:
    return min(series.values, key=lambda value: _badness(params, value))


def _undecided(expression: str, worst: list[tuple[float, Series]], earlier: dict[str, float]) -> list[str]:
    """What the expression says of the values now; that it cannot be decided is a complaint too."""
    try:
        if holds(expression, worst[0][0], worst, earlier):
            return []
    except ExpressionError as error:
        return [f"Unknown: {error}"]
    return [f"{expression} is false: the value is {worst[0][0]:.6g}{_named(worst[0][1])}"]


def _named(series: Series) -> str:
    return f" ({series.labels})" if series.labels else ""


def _complaints(params: PromQueryParameters, worst: list[tuple[float, Series]], earlier: dict[str, float]) -> list[str]:
    """What does not hold of the values now, which are sorted with the worst first."""
    value, named = worst[0][0], _named(worst[0][1])
    found = []
    if params.expect and not _COMPARE[params.expect.operator](value, params.expect.value):
        wanted = f"{params.expect.operator} {params.expect.value:.6g}"
        found.append(f"the value is {value:.6g}{named}, expected {wanted}")
    limit = params.baseline.max_ratio if params.baseline else None
    for offset, before in earlier.items():
        if limit is None:
            continue  # the expression compares it
        if value < 0 or before < 0:
            found.append(
                f"Unknown: {value:.6g} now and {before:.6g} {offset} ago have no ratio; compare what is not negative"
            )
        elif value > limit * before:
            found.append(
                f"the value is {value:.6g}{named}, more than {limit:.6g} times the {before:.6g} of {offset} ago"
            )
    return found


def _passed(params: PromQueryParameters, earlier: dict[str, float]) -> str:
    wanted = f", expected {params.expect.operator} {params.expect.value:.6g}" if params.expect else ""
    then = "".join(f", {value:.6g} {offset} ago" for offset, value in earlier.items())
    held = f", {params.expression}" if params.expression else ""
    return wanted + then + held
