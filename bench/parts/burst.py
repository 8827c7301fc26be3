"""Many alerts at once, each a request of its own about a Deployment of its own."""

import asyncio
import time

from bench.alerts import Alert
from bench.arms import GO_FLOOR, PARAMEDIC, PYTHON_FLOOR, Arm, Reply
from bench.measures import curve
from bench.results import Burst
from bench.stage import Stage, actions_of, alerts_about
from bench.workloads import Target

_LONGEST = 300.0  # seconds for all


async def measure_bursts(stage: Stage) -> None:
    """The smaller number, the arms taking turns, several times."""
    size = stage.sizes.burst
    for turn in range(stage.sizes.rounds):
        for at, name in enumerate((GO_FLOOR, PYTHON_FLOOR, PARAMEDIC)):
            await _measure(stage, stage.arms[name], stage.workloads.targets[at * size : (at + 1) * size], turn + 1)
            await stage.workloads.clear()


async def measure_flood(stage: Stage) -> None:
    """The larger number, once, to paramedic alone. It comes last, since thousands of rollouts take minutes to end."""
    await _measure(stage, stage.paramedic, stage.workloads.targets[: stage.sizes.flood], 1)


async def _measure(stage: Stage, arm: Arm, targets: list[Target], turn: int) -> None:
    actions, program = actions_of(stage, arm), stage.program(arm)
    alerts, spent = alerts_about(targets), program.cpu_seconds()
    begun = time.time()
    replies = await asyncio.gather(*(_timed(arm, alert) for alert in alerts))
    accepted = {alert.target: at for alert, (reply, at) in zip(alerts, replies, strict=True) if reply.accepted}
    counts = await actions.wait_for(accepted, _LONGEST)
    moments = [entry.received - begun for entry in actions.entries()]
    found = Burst(
        arm=arm.name,
        round=turn,
        alerts=len(alerts),
        accepted=len(accepted),
        lost=len(accepted.keys() - counts.keys()),
        twice=sum(count > 1 for count in counts.values()),
        last_accepted_s=round(max(accepted.values(), default=begun) - begun, 2),
        last_action_s=round(max(moments, default=0.0), 2),
        cpu_s=round(program.cpu_seconds() - spent, 2),
        curve=curve(moments),
    )
    stage.results.bursts.append(found)
    if arm.name in stage.results.footprint:
        stage.results.footprint[arm.name].busy_mb = program.memory()
        stage.results.footprint[arm.name].peak_mb = program.memory("VmHWM")
    stage.say(
        f"{len(alerts)} at once, {arm.name}: accepted {found.accepted} in {found.last_accepted_s} s, last action after"
        f" {found.last_action_s} s, lost {found.lost}, twice {found.twice}"
    )


async def _timed(arm: Arm, alert: Alert) -> tuple[Reply, float]:
    reply = await arm.send(alert)
    return reply, time.time()
