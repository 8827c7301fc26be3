"""The plot of a run, as plain SVG: how long one alert takes, and how a burst is worked off."""

import math
from collections.abc import Iterator
from html import escape

from bench.arms import GO_FLOOR, KUBECTL, PARAMEDIC, PYTHON_FLOOR
from bench.measures import percentile
from bench.results import Burst, Results

_COLOURS = {GO_FLOOR: "#6b7280", PYTHON_FLOOR: "#2563eb", KUBECTL: "#d97706", PARAMEDIC: "#dc2626"}
_WIDTH, _PANEL, _GAP, _LEFT, _TOP = 900, 340, 90, 110, 60
_STYLE = "font-family='sans-serif' font-size='12' fill='#374151'"


def draw(results: Results) -> str:
    """The whole picture: latency on the left, the largest burst that was measured in rounds on the right."""
    panels = [*_latency(results), *_burst(results)]
    height = _TOP + 260
    background = f"<rect width='{_WIDTH}' height='{height}' fill='white'/>"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' role='img'>"
    return "\n".join([head, background, *panels, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-weight='{weight}' {_STYLE}>{escape(text)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' stroke-width='{width}'/>"


def _latency(results: Results) -> Iterator[str]:
    """A bar from p50 to p99 for each arm, on a logarithmic axis."""
    measured = {name: item.received_ms for name, item in results.latency.items() if item.received_ms}
    if not measured:
        return
    low = 10 ** math.floor(math.log10(min(min(found) for found in measured.values())))
    high = 10 ** math.ceil(math.log10(max(percentile(found, 99) for found in measured.values())))
    span = math.log10(high / low) or 1.0

    def place(milliseconds: float) -> float:
        return _LEFT + _PANEL * math.log10(max(milliseconds, low) / low) / span

    yield _text(_LEFT, 24, "From an alert to its PATCH: p50 (dot) to p99, ms", weight="bold")
    bottom = _TOP + 45 * len(measured)
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        yield _line(place(10.0**power), _TOP - 15, place(10.0**power), bottom, "#e5e7eb", 1)
        yield _text(place(10.0**power), bottom + 18, f"{10.0**power:g}", "middle")
    for at, (name, found) in enumerate(measured.items()):
        y, colour = _TOP + 45 * at + 10, _COLOURS[name]
        p50, p99 = percentile(found, 50), percentile(found, 99)
        yield _text(_LEFT - 12, y + 4, name, "end")
        yield _line(place(p50), y, place(p99), y, colour, 6)
        yield f"<circle cx='{place(p50):.1f}' cy='{y}' r='7' fill='{colour}'/>"
        yield _text(place(p50), y - 11, f"{p50:.1f}", "middle")


def _burst(results: Results) -> Iterator[str]:
    """How many were done by when, for the first round of the burst."""
    sizes = sorted({item.alerts for item in results.bursts})
    if not sizes:
        return
    found = [item for item in results.bursts if item.alerts == sizes[0] and item.round == 1 and item.curve]
    longest = max((item.last_action_s for item in found), default=1.0) or 1.0
    left, right, bottom = _LEFT + _PANEL + _GAP, _LEFT + 2 * _PANEL + _GAP - 20, _TOP + 180
    yield _text(left, 24, f"{sizes[0]:,} alerts at once: done after seconds", weight="bold")
    yield _line(left, bottom, right, bottom, "#9ca3af", 1)
    yield _line(left, _TOP - 15, left, bottom, "#9ca3af", 1)
    for share in (0, 0.25, 0.5, 0.75, 1):
        yield _text(left + (right - left) * share, bottom + 18, f"{longest * share:.1f}", "middle")
        yield _text(left - 8, bottom - (bottom - _TOP) * share + 4, f"{sizes[0] * share:.0f}", "end")
    for at, item in enumerate(found):
        yield _curve(item, left, right, bottom, longest)
        yield _line(left + 110 * at, bottom + 42, left + 110 * at + 18, bottom + 42, _COLOURS[item.arm], 3)
        yield _text(left + 110 * at + 24, bottom + 46, item.arm)


def _curve(item: Burst, left: float, right: float, bottom: float, longest: float) -> str:
    points = " ".join(
        f"{left + (right - left) * moment / longest:.1f},{bottom - (bottom - _TOP) * count / item.alerts:.1f}"
        for moment, count in [(0.0, 0), *item.curve]
    )
    return f"<polyline points='{points}' fill='none' stroke='{_COLOURS[item.arm]}' stroke-width='2'/>"
