"""What each takes when nothing happens, and how soon it is there."""

import asyncio

from bench.arms import Arm
from bench.measures import median
from bench.results import Footprint
from bench.stage import Stage

_REST = 10.0  # seconds from healthy to the weighing


async def measure(stage: Stage) -> None:
    """Starts each a few times, and leaves it running for the parts that come after."""
    running = [arm for arm in stage.arms.values() if arm.program is not None]
    healthy = {
        arm.name: [round(await asyncio.to_thread(_restart, arm), 3) for _ in range(stage.sizes.starts)]
        for arm in running
    }
    await asyncio.sleep(_REST)
    for arm in running:
        idle = stage.program(arm).memory()
        stage.results.footprint[arm.name] = Footprint(healthy_s=healthy[arm.name], idle_mb=idle)
        stage.say(f"{arm.name}: healthy after {median(healthy[arm.name]):.2f} s, idle at {idle:.0f} MB")


def _restart(arm: Arm) -> float:
    arm.stop()
    return arm.start()
