"""kill -9 while alerts come in: whatever was accepted, before or after, is acted upon exactly once."""

import asyncio
import time
from collections import Counter

from bench.alerts import Alert
from bench.results import Kill
from bench.stage import AFTERMATH, Actions, Stage, actions_of, alerts_about, wait_until
from bench.workloads import Target

_SENDERS = 50  # requests under way at a time
_AGAIN = 1.0  # seconds until what was not accepted is sent again
_LONGEST = 180.0  # seconds for all


async def measure(stage: Stage) -> None:
    """Each kill comes when another share of its alerts has been accepted, since each finds other work half done."""
    size, pool = stage.sizes.burst, stage.workloads.targets
    for turn in range(stage.sizes.kills):
        begin = turn * size % len(pool)
        targets = (pool + pool)[begin : begin + size]
        at = max(1, size * (turn + 1) // (stage.sizes.kills + 1))
        await _measure(stage, targets, at)
        await stage.workloads.delete_incidents()
    await stage.workloads.clear()


async def _measure(stage: Stage, targets: list[Target], kill_at: int) -> None:
    actions, before = actions_of(stage, stage.paramedic), await stage.workloads.changes()
    accepted: set[Target] = set()
    waiting: asyncio.Queue[Alert] = asyncio.Queue()
    for alert in alerts_about(targets):
        waiting.put_nowait(alert)
    begun = time.time()
    senders = [asyncio.create_task(_send(stage, waiting, accepted)) for _ in range(_SENDERS)]
    try:
        killed = await _kill(stage, accepted, kill_at, actions)
        await asyncio.wait_for(waiting.join(), _LONGEST)
    finally:
        for sender in senders:
            sender.cancel()
    counts = await _restarts(stage, before, accepted)
    moments = [entry.received - begun for entry in actions.entries()]
    killed.accepted = len(accepted)
    killed.lost = len(accepted - counts.keys())
    killed.twice = sum(count > 1 for count in counts.values())
    killed.last_action_s = round(max(moments, default=0.0), 2)
    stage.results.kills.append(killed)
    stage.say(
        f"kill -9: {killed.accepted_when_killed} of {killed.alerts} accepted and {killed.acted_when_killed} acted upon by"
        f" then; in the end {killed.accepted} accepted, lost {killed.lost}, twice {killed.twice}"
    )


async def _restarts(stage: Stage, before: Counter[Target], accepted: set[Target]) -> Counter[Target]:
    """How often each was restarted, once each was, or when the time is over. The audit log does not tell: of a request
    that was under way when its sender was killed it says that it timed out, whether it was stored or not.
    """
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline:
        if accepted <= (await stage.workloads.changes() - before).keys():
            break
        await asyncio.sleep(1.0)
    await asyncio.sleep(AFTERMATH)
    return await stage.workloads.changes() - before


async def _send(stage: Stage, waiting: "asyncio.Queue[Alert]", accepted: set[Target]) -> None:
    while True:
        alert = await waiting.get()
        while True:
            reply = await stage.paramedic.send(alert)
            if reply.accepted:
                break
            await asyncio.sleep(_AGAIN)
        accepted.add(alert.target)
        waiting.task_done()


async def _kill(stage: Stage, accepted: set[Target], at: int, actions: Actions) -> Kill:
    """Kills it, starts it again at once, and says what stood then."""
    await wait_until(lambda: len(accepted) >= at, _LONGEST, every=0.005)
    stage.program(stage.paramedic).kill()
    stood, acted = len(accepted), len(actions.count())
    healthy = await asyncio.to_thread(stage.paramedic.start)
    return Kill(
        alerts=stage.sizes.burst, accepted_when_killed=stood, acted_when_killed=acted, accepted=0, lost=0, twice=0,
        healthy_again_s=round(healthy, 2), last_action_s=0.0,
    )  # fmt: skip
