"""One run: a cluster, the arms, the parts, and everything ended again."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench.arms import Arm, all_arms
from bench.audit import AuditLog
from bench.cluster import Cluster
from bench.machine import describe_machine, versions
from bench.parts import PARTS
from bench.results import Results
from bench.stage import Sizes, Stage
from bench.workloads import Workloads
from paramedic.cluster.rest import RestTransport, connect


def pool_size(parts: Iterable[str], sizes: Sizes) -> int:
    """How many Deployments these parts need."""
    needed = {
        "latency": sizes.alerts * 4,
        "burst": sizes.burst * 3,
        "flood": sizes.flood,
        "kills": min(sizes.kills, 4) * sizes.burst,
        "repeats": 1,
    }
    return max([needed.get(part, 0) for part in parts] + [1])


async def run_parts(parts: list[str], sizes: Sizes, folder: Path, command: str, *, keep: bool = False) -> Results:
    """Runs these parts on a new cluster. Raises Failed."""
    machine, begun = describe_machine(), time.monotonic()
    cluster = Cluster(folder)
    arms: dict[str, Arm] = {}
    try:
        cluster.start()
        at = datetime.now(UTC).isoformat(timespec="seconds")
        results = Results(at=at, command=command, machine=machine, versions=versions(cluster), seconds={})
        arms = all_arms(cluster, folder)
        log = AuditLog(cluster.audit_log, [arm.agent for arm in arms.values()])
        transport = RestTransport(await connect(str(cluster.kubeconfig)))
        try:
            workloads = Workloads(transport, cluster.admit, pool_size(parts, sizes))
            await _run(parts, Stage(sizes, log, workloads, arms, results, begun))
        finally:
            await transport.close()
        return results
    finally:
        for arm in arms.values():
            await arm.close()
            arm.stop()
        if not keep:
            cluster.delete()


async def _run(parts: list[str], stage: Stage) -> None:
    stage.say(f"creating {len(stage.workloads.targets)} Deployments")
    await stage.workloads.create()
    await stage.workloads.settle()
    stage.results.seconds["cluster"] = round(time.monotonic() - stage.begun, 1)
    if "footprint" not in parts:
        for arm in stage.arms.values():
            arm.start()
    for part in parts:
        stage.say(part)
        begun = time.monotonic()
        await PARTS[part](stage)
        stage.results.seconds[part] = round(time.monotonic() - begun, 1)
