"""Whether a run meets the bar."""

import pytest

from bench.arms import GO_FLOOR, PARAMEDIC, PYTHON_FLOOR
from bench.bar import judge
from bench.results import Footprint, Repeats, Results
from unit.bench.builders import burst, kill, latency, run


def verdicts(results: Results) -> dict[str, bool]:
    return {item.what: item.met for item in judge(results)}


def test_a_run_that_meets_the_bar_meets_each_line_of_it() -> None:
    found = verdicts(run())
    assert len(found) == 8
    assert all(found.values()), found


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"latency": {GO_FLOOR: latency(1.0), PARAMEDIC: latency(36.0)}}, "alert to remedy, p50"),
        ({"bursts": [burst(PYTHON_FLOOR, 5.0), burst(PARAMEDIC, 30.0)]}, "500 at once, last action"),
        ({"bursts": [burst(PARAMEDIC, 9.0, lost=1)]}, "accepted alerts of bursts"),
        ({"bursts": [burst(PARAMEDIC, 9.0, twice=1)]}, "accepted alerts of bursts"),
        ({"kills": [kill(), kill(lost=1)]}, "accepted alerts over 2 × kill -9"),
        ({"kills": [kill(twice=1)]}, "accepted alerts over 1 × kill -9"),
        ({"repeats": Repeats(sent=9, accepted=9, actions=2, incidents=1)}, "actions for a lasting alert, a restart included"),
        ({"repeats": Repeats(sent=9, accepted=9, actions=0, incidents=1)}, "actions for a lasting alert, a restart included"),
        ({"footprint": {PARAMEDIC: Footprint(healthy_s=[1.0], idle_mb=100.0)}}, "memory when idle"),
        ({"footprint": {PARAMEDIC: Footprint(healthy_s=[3.5], idle_mb=90.0)}}, "start to healthy, median"),
    ],
)  # fmt: skip
def test_each_line_can_be_missed(fields: dict[str, object], what: str) -> None:
    assert verdicts(run(**fields))[what] is False


def test_what_was_not_measured_is_not_judged() -> None:
    nothing = run(latency={}, requests=None, bursts=[], kills=[], repeats=None, footprint={})
    assert judge(nothing) == []
