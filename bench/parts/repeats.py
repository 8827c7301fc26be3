"""An alert that lasts: Alertmanager sends it again and again, and it is one trouble all the same."""

import asyncio
import time

from bench.results import Repeats
from bench.stage import Stage, actions_of, alerts_about

_AT_ONCE = 100
_EVERY = 1.0  # seconds
_AFTERMATH = 5.0  # seconds after the restart


async def measure(stage: Stage) -> None:
    actions = actions_of(stage, stage.paramedic)
    (alert,) = alerts_about(stage.workloads.targets[:1])
    replies = list(await asyncio.gather(*(stage.paramedic.send(alert) for _ in range(_AT_ONCE))))
    deadline = time.monotonic() + stage.sizes.lasting
    while time.monotonic() < deadline:
        replies.append(await stage.paramedic.send(alert))
        await asyncio.sleep(_EVERY)
    stage.paramedic.stop()
    await asyncio.to_thread(stage.paramedic.start)
    replies += await asyncio.gather(*(stage.paramedic.send(alert) for _ in range(_AT_ONCE)))
    await asyncio.sleep(_AFTERMATH)
    found = Repeats(
        sent=len(replies),
        accepted=sum(reply.accepted for reply in replies),
        actions=sum(actions.count().values()),
        incidents=len({reply.incident for reply in replies if reply.accepted}),
    )
    stage.results.repeats = found
    stage.say(f"a lasting alert: sent {found.sent} times, {found.incidents} incident, {found.actions} action")
    await stage.workloads.clear()
