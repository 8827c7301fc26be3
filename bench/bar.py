"""The bar: what was set out to be reached, before anything was measured, and whether it was."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.arms import GO_FLOOR, PARAMEDIC, PYTHON_FLOOR
from bench.measures import median, percentile
from bench.results import Burst, Results

#: Times the Go floor's median. Robusta took 63 to 90 times it, on the same kind of machine.
MOST_LATENCY = 35.0
#: Times the Python floor for a burst: what is aimed at, and what Robusta took.
AIM_BURST, MOST_BURST = 2.0, 6.0
MOST_WRITES = 3.0
MOST_IDLE_MB = 100.0
MOST_HEALTHY_S = 3.0


@dataclass(frozen=True)
class Judgement:
    """One line of the bar."""

    what: str
    wanted: str
    found: str
    met: bool


def judge(results: Results) -> list[Judgement]:
    """As far as a run has measured it."""
    return [*_latency(results), *_bursts(results), *_promises(results), *_footprint(results)]


def _latency(results: Results) -> Iterator[Judgement]:
    ours, floor = results.latency.get(PARAMEDIC), results.latency.get(GO_FLOOR)
    if ours and floor and ours.received_ms and floor.received_ms:
        ratio = median(ours.received_ms) / median(floor.received_ms)
        wanted = f"at most {MOST_LATENCY:.0f} × the Go floor"
        yield Judgement("alert to remedy, p50", wanted, f"{ratio:.1f} ×", ratio <= MOST_LATENCY)
    if results.requests:
        writes = sum(results.requests.writes_before_remedy.values())
        wanted = f"at most {MOST_WRITES:.0f}"
        yield Judgement("API writes until the remedy, itself included", wanted, f"{writes:.2f}", writes <= MOST_WRITES)


def burst_seconds(results: Results, arm: str, alerts: int) -> float | None:
    """From the first alert to the last action, the median of the rounds; None where it was not measured."""
    found = [item.last_action_s for item in results.bursts if item.arm == arm and item.alerts == alerts]
    return median(found) if found else None


def _bursts(results: Results) -> Iterator[Judgement]:
    for alerts in sorted({item.alerts for item in results.bursts}):
        ours, floor = (burst_seconds(results, arm, alerts) for arm in (PARAMEDIC, PYTHON_FLOOR))
        if ours and floor:
            ratio = ours / floor
            wanted = f"less than {MOST_BURST:.0f} × the Python floor, aiming at {AIM_BURST:.0f} ×"
            yield Judgement(f"{alerts:,} at once, last action", wanted, f"{ratio:.1f} ×", ratio < MOST_BURST)


def _promises(results: Results) -> Iterator[Judgement]:
    ours = [item for item in results.bursts if item.arm == PARAMEDIC]
    if ours:
        yield _nothing("accepted alerts of bursts", ours)
    if results.kills:
        lost, twice = sum(item.lost for item in results.kills), sum(item.twice for item in results.kills)
        accepted = sum(item.accepted for item in results.kills)
        found = f"{lost} lost, {twice} twice of {accepted:,}"
        yield Judgement(
            f"accepted alerts over {len(results.kills)} × kill -9", "0 lost, 0 twice", found, not lost + twice
        )
    if results.repeats:
        actions = results.repeats.actions
        found = f"{actions} of {results.repeats.sent} times sent"
        yield Judgement("actions for a lasting alert, a restart included", "1", found, actions == 1)


def _nothing(what: str, bursts: list[Burst]) -> Judgement:
    lost, twice = sum(item.lost for item in bursts), sum(item.twice for item in bursts)
    found = f"{lost} lost, {twice} twice of {sum(item.accepted for item in bursts):,}"
    return Judgement(what, "0 lost, 0 twice", found, not lost + twice)


def _footprint(results: Results) -> Iterator[Judgement]:
    if ours := results.footprint.get(PARAMEDIC):
        idle, healthy = ours.idle_mb, percentile(ours.healthy_s, 50)
        yield Judgement("memory when idle", f"under {MOST_IDLE_MB:.0f} MB", f"{idle:.0f} MB", idle < MOST_IDLE_MB)
        wanted = f"within {MOST_HEALTHY_S:.0f} s"
        yield Judgement("start to healthy, median", wanted, f"{healthy:.1f} s", healthy <= MOST_HEALTHY_S)
