"""What every part of the benchmark works with."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.alerts import Alert
from bench.arms import PARAMEDIC, Arm, Webhook
from bench.audit import AuditLog, Entry
from bench.processes import Failed, Program
from bench.results import Results
from bench.workloads import Target, Workloads

_POLL = 0.05  # seconds
#: What would come twice comes soon: a repetition is a write that was tried again.
AFTERMATH = 3.0


@dataclass(frozen=True)
class Sizes:
    """How much is measured. The defaults are those of docs/performance.md."""

    alerts: int = 200
    burst: int = 500
    flood: int = 2000
    rounds: int = 1
    kills: int = 5
    lasting: float = 20.0  # seconds
    starts: int = 5


@dataclass
class Stage:
    """The cluster with its audit log, the arms, what was found so far."""

    sizes: Sizes
    log: AuditLog
    workloads: Workloads
    arms: dict[str, Arm]
    results: Results
    begun: float

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.begun:6.1f} s] {text}", file=sys.stderr, flush=True)

    @property
    def paramedic(self) -> Webhook:
        found = self.arms[PARAMEDIC]
        assert isinstance(found, Webhook)
        return found

    def program(self, arm: Arm) -> Program:
        if arm.program is None:
            raise Failed(f"{arm.name} is no program that runs")
        return arm.program


def alerts_about(targets: Iterable[Target]) -> list[Alert]:
    now = datetime.now(UTC)
    return [Alert(namespace, name, now) for namespace, name in targets]


async def wait_until(happened: Callable[[], bool], seconds: float, every: float = _POLL) -> bool:
    """Whether it happened in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        await asyncio.sleep(every)
    return happened()


@dataclass
class Actions:
    """Restarts by one arm since a place in the log, by Deployment."""

    log: AuditLog
    agent: str
    since: int

    def entries(self) -> list[Entry]:
        self.log.read()
        found = self.log.entries[self.since :]
        return [entry for entry in found if entry.restarts and entry.agent.startswith(self.agent)]

    def count(self) -> Counter[Target]:
        return Counter((entry.namespace, entry.name) for entry in self.entries())

    async def wait_for(self, targets: Iterable[Target], seconds: float) -> Counter[Target]:
        """How often each was restarted, once each was, or when the time is over; what comes soon after counts too."""
        wanted = set(targets)
        await wait_until(lambda: wanted <= self.count().keys(), seconds)
        await asyncio.sleep(AFTERMATH)
        return self.count()


def actions_of(stage: Stage, arm: Arm) -> Actions:
    """Counts from now on."""
    return Actions(stage.log, arm.agent, stage.log.mark())
