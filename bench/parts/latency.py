"""One alert after the other, the arms taking turns: from the alert to its PATCH."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable

from bench.alerts import Alert
from bench.arms import Arm
from bench.audit import Entry
from bench.results import Latency, Requests
from bench.stage import Stage, alerts_about
from bench.workloads import Target

_LONGEST = 60.0  # seconds for one alert
#: Between two alerts, so that what one has set off (a rollout is some twenty requests) does not stand in the way of the
#: next one's.
_PAUSE = 0.1
_END = 60.0  # seconds for the last incidents to end


async def measure(stage: Stage) -> None:
    arms, count = list(stage.arms.values()), stage.sizes.alerts
    found = {arm.name: Latency(received_ms=[], done_ms=[], lost=0) for arm in arms}
    targets = iter(stage.workloads.targets)
    begun, incidents = stage.log.mark(), dict[Target, str]()
    for turn in range(count):
        shift = turn % len(arms)
        for arm in arms[shift:] + arms[:shift]:
            (alert,) = alerts_about([next(targets)])
            incident = await _one(stage, arm, alert, found[arm.name])
            if incident:
                incidents[alert.target] = incident
            await asyncio.sleep(_PAUSE)
        if (turn + 1) % 50 == 0:
            stage.say(f"latency: {turn + 1} of {count} alerts to each of {len(arms)}")
    stage.results.latency = found
    await _ended(stage)
    stage.log.read()
    entries = [item for item in stage.log.entries[begun:] if item.agent.startswith(stage.paramedic.agent)]
    stage.results.requests = requests_of(entries, incidents)
    await stage.workloads.clear()


async def _one(stage: Stage, arm: Arm, alert: Alert, found: Latency) -> str:
    """The name of the incident that the alert became, if it became one."""
    stage.log.read()
    sent = time.time()
    sending = asyncio.create_task(arm.send(alert))

    def wanted(entry: Entry) -> bool:
        return entry.restarts and entry.agent.startswith(arm.agent) and (entry.namespace, entry.name) == alert.target

    entry = await stage.log.wait_for(wanted, _LONGEST)
    reply = await sending
    if entry is None:
        found.lost += 1
    else:
        found.received_ms.append(round((entry.received - sent) * 1000, 3))
        found.done_ms.append(round((entry.done - sent) * 1000, 3))
    return reply.incident


async def _ended(stage: Stage) -> None:
    """Waits until every incident has ended, so that all of its writes are counted."""
    stage.say("latency: waiting for the last incidents to prove recovery and to end")
    deadline = time.monotonic() + _END
    while time.monotonic() < deadline:
        phases = Counter(item.get("status", {}).get("phase") for item in await stage.workloads.incidents())
        if not set(phases) - {"Resolved", "Failed", "Cancelled"}:
            break
        await asyncio.sleep(1.0)
    stage.say("latency: incidents by phase: " + ", ".join(f"{phase} {count}" for phase, count in phases.items()))


def requests_of(entries: Iterable[Entry], incidents: dict[Target, str]) -> Requests:
    """What an incident took, on average. ``incidents`` are namespace/name by the Deployment that they are about."""
    entries, count = list(entries), max(1, len(incidents))
    remedies = {(item.namespace, item.name): item for item in entries if item.restarts}
    last = {name: remedies[target].received for target, name in incidents.items() if target in remedies}
    own = [item for item in entries if item.resource != "leases"]
    names = {item: f"{item.namespace}/{item.name}" for item in own}
    before = [
        item
        for item in own
        if item.writes
        and (
            (item.resource.startswith("incidents") and item.received < last.get(names[item], 0.0))
            or (item.restarts and (item.namespace, item.name) in incidents)
        )
    ]
    return Requests(
        incidents=len(incidents),
        writes_before_remedy=_averages(before, count),
        writes=_averages([item for item in own if item.writes], count),
        requests=_averages(own, count),
    )


def _averages(entries: list[Entry], count: int) -> dict[str, float]:
    counted = Counter(f"{item.verb} {item.resource}" for item in entries)
    return {what: round(times / count, 2) for what, times in counted.most_common()}
