"""What it ran on."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from bench.cluster import ROOT, Cluster
from bench.results import Machine

_LIBRARIES = ("paramedic", "kopf", "kubernetes", "aiohttp", "pydantic")


def describe_machine() -> Machine:
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in cpus if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split(None, 2)[1])
    return Machine(
        processor=names[0] if names else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(memory / 1e6, 1),
        kernel=f"{platform.system()} {platform.release()}",
        busy=round(os.getloadavg()[0], 2),
    )


def versions(cluster: Cluster) -> dict[str, str]:
    """Of what was measured with what."""
    found = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {"Kubernetes": cluster.version, "Python": platform.python_version(), "commit": commit or "unknown"} | found
