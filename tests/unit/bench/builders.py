"""Runs of the benchmark as they could have been."""

from typing import Any

from bench.arms import GO_FLOOR, KUBECTL, PARAMEDIC, PYTHON_FLOOR
from bench.results import Burst, Footprint, Kill, Latency, Machine, Repeats, Requests, Results


def burst(arm: str, last_action: float, **fields: Any) -> Burst:
    known = {"round": 1, "alerts": 500, "accepted": 500, "lost": 0, "twice": 0, "last_accepted_s": 1.0, "cpu_s": 0.5}
    return Burst.model_validate(
        known | {"arm": arm, "last_action_s": last_action, "curve": [(0.5, 250), (last_action, 500)]} | fields
    )


def kill(**fields: int) -> Kill:
    known: dict[str, Any] = {"alerts": 500, "accepted_when_killed": 100, "acted_when_killed": 40, "accepted": 500}
    known |= {"lost": 0, "twice": 0, "healthy_again_s": 1.5, "last_action_s": 9.0}
    return Kill.model_validate(known | fields)


def latency(*milliseconds: float, lost: int = 0) -> Latency:
    return Latency(received_ms=list(milliseconds), done_ms=[item + 5 for item in milliseconds], lost=lost)


def run(**fields: Any) -> Results:
    """A run that meets the whole bar."""
    machine = Machine(processor="a processor", cores=2, memory_gb=8.0, kernel="Linux 6", busy=0.1)
    known: dict[str, Any] = {
        "at": "2026-01-31T09:30:00+00:00",
        "command": "make bench",
        "machine": machine,
        "versions": {"Kubernetes": "v1.37.2"},
        "seconds": {"latency": 100.0, "burst": 20.0},
        "latency": {
            GO_FLOOR: latency(1.0, 1.0, 2.0),
            PYTHON_FLOOR: latency(1.5, 2.0, 3.0),
            KUBECTL: latency(150.0, 160.0, 600.0),
            PARAMEDIC: latency(18.0, 20.0, 90.0),
        },
        "requests": Requests(
            incidents=3,
            writes_before_remedy={"create incidents": 1.0, "update incidents/status": 1.0, "patch deployments": 1.0},
            writes={"create incidents": 1.0, "update incidents/status": 3.0, "patch deployments": 1.0},
            requests={
                "get incidents": 9.0,
                "create incidents": 1.0,
                "update incidents/status": 3.0,
                "patch deployments": 1.0,
            },
        ),
        "bursts": [burst(GO_FLOOR, 5.0), burst(PYTHON_FLOOR, 5.0), burst(PARAMEDIC, 10.0)],
        "kills": [kill()],
        "repeats": Repeats(sent=220, accepted=220, actions=1, incidents=1),
        "footprint": {PARAMEDIC: Footprint(healthy_s=[1.0, 1.2, 1.4], idle_mb=90.0, busy_mb=120.0, peak_mb=130.0)},
    }
    return Results.model_validate(known | fields)
