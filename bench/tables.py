"""A run as tables, for the terminal and for the page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.arms import GO_FLOOR, PYTHON_FLOOR
from bench.bar import burst_seconds, judge
from bench.measures import median, percentile
from bench.results import Burst, Latency, Results


@dataclass(frozen=True)
class Table:
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables_of(results: Results) -> list[Table]:
    """Those that the run has figures for."""
    makers = (_bar, _latency, _bursts, _kills, _repeats, _requests, _footprint)
    return [table for maker in makers for table in maker(results)]


def markdown(table: Table) -> str:
    lines = [f"### {table.title}", "", _row(table.header), _row(["---"] * len(table.header))]
    return "\n".join([*lines, *(_row(row) for row in table.rows)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bar(results: Results) -> Iterator[Table]:
    if found := judge(results):
        rows = [[item.what, item.wanted, item.found, "yes" if item.met else "**no**"] for item in found]
        yield Table("The bar", ["", "wanted", "measured", "met"], rows)


def _latency(results: Results) -> Iterator[Table]:
    measured = {name: item for name, item in results.latency.items() if item.received_ms}
    if not measured:
        return
    count = max(len(item.received_ms) for item in measured.values())
    shown: list[tuple[str, Callable[[Latency], str]]] = [
        ("p50, ms", lambda item: _figure(median(item.received_ms))),
        ("p99, ms", lambda item: _figure(percentile(item.received_ms, 99))),
    ]
    if floor := measured.get(GO_FLOOR):
        for percent in (50, 99):
            base = percentile(floor.received_ms, percent)
            shown.append((f"p{percent} over the Go floor's", _over(base, percent)))
    shown += [
        ("until the PATCH is answered, p50, ms", lambda item: _figure(median(item.done_ms))),
        ("never done", lambda item: str(item.lost)),
    ]
    rows = [[what, *(show(item) for item in measured.values())] for what, show in shown]
    yield Table(f"From an alert to its PATCH, {count} alerts one after the other", ["", *measured], rows)


def _over(base: float, percent: float) -> Callable[[Latency], str]:
    return lambda item: f"{percentile(item.received_ms, percent) / base:.1f} ×"


def _bursts(results: Results) -> Iterator[Table]:
    for alerts in sorted({item.alerts for item in results.bursts}):
        found = [item for item in results.bursts if item.alerts == alerts]
        floor = burst_seconds(results, PYTHON_FLOOR, alerts)
        rows = [_burst(item, floor) for item in sorted(found, key=lambda item: item.round)]
        header = [
            "",
            "accepted",
            "all answered after",
            "last action after",
            "over the Python floor",
            "lost",
            "twice",
            "CPU",
        ]
        yield Table(f"{alerts:,} alerts at once, each about a Deployment of its own", header, rows)


def _burst(item: Burst, floor: float | None) -> list[str]:
    return [
        item.arm, f"{item.accepted:,}", f"{item.last_accepted_s:.1f} s", f"{item.last_action_s:.1f} s",
        f"{item.last_action_s / floor:.1f} ×" if floor else "", str(item.lost), str(item.twice), f"{item.cpu_s:.1f} s",
    ]  # fmt: skip


def _kills(results: Results) -> Iterator[Table]:
    if results.kills:
        header = [
            "accepted when killed",
            "acted upon by then",
            "healthy again",
            "accepted",
            "last action",
            "lost",
            "twice",
        ]
        rows = [
            [
                f"{item.accepted_when_killed} of {item.alerts}", str(item.acted_when_killed), f"{item.healthy_again_s:.1f} s",
                str(item.accepted), f"{item.last_action_s:.1f} s", str(item.lost), str(item.twice),
            ]
            for item in results.kills
        ]  # fmt: skip
        yield Table("kill -9 while alerts come in", header, rows)


def _repeats(results: Results) -> Iterator[Table]:
    if found := results.repeats:
        row = [str(found.sent), str(found.accepted), str(found.incidents), str(found.actions)]
        yield Table("One alert that lasts, over a restart", ["sent", "accepted", "incidents", "actions"], [row])


def _requests(results: Results) -> Iterator[Table]:
    if found := results.requests:
        before, writes, all_of = found.writes_before_remedy, found.writes, found.requests
        rows = [
            [what, f"{before[what]:.2f}" if what in before else "", f"{writes[what]:.2f}" if what in writes else "", f"{count:.2f}"]
            for what, count in all_of.items()
        ]  # fmt: skip
        rows.append(["sum", *(f"{sum(item.values()):.2f}" for item in (before, writes, all_of))])
        title = f"API requests of an incident, from the alert to its end, average of {found.incidents}"
        yield Table(title, ["", "writes until the remedy", "writes", "requests"], rows)


def _footprint(results: Results) -> Iterator[Table]:
    if results.footprint:
        header = ["", "start to healthy, median", "idle", f"after {_most(results)} at once", "at most"]
        rows = [
            [name, f"{median(item.healthy_s):.2f} s", _megabytes(item.idle_mb), _megabytes(item.busy_mb), _megabytes(item.peak_mb)]
            for name, item in results.footprint.items()
        ]  # fmt: skip
        yield Table("Memory and start", header, rows)


def _most(results: Results) -> str:
    return f"{max((item.alerts for item in results.bursts), default=0):,}"


def _megabytes(found: float | None) -> str:
    return "" if found is None else f"{found:.0f} MB"


def _figure(milliseconds: float) -> str:
    return f"{milliseconds:.2f}" if milliseconds < 10 else f"{milliseconds:.0f}"
