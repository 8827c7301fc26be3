"""What is measured, a module each."""

from collections.abc import Awaitable, Callable

from bench.parts import burst, footprint, kills, latency, repeats
from bench.stage import Stage

#: By the names that the command takes, in their order.
PARTS: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "footprint": footprint.measure,
    "latency": latency.measure,
    "burst": burst.measure_bursts,
    "kills": kills.measure,
    "repeats": repeats.measure,
    "flood": burst.measure_flood,
}
