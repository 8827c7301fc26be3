"""What is compared: each answers an alert about a Deployment by restarting it."""

import asyncio
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.alerts import Alert
from bench.cluster import HOME, ROOT, Cluster
from bench.processes import Failed, Program, free_port

GO_FLOOR, PYTHON_FLOOR, KUBECTL, PARAMEDIC = "Go floor", "Python floor", "kubectl", "paramedic"
_ANSWER = aiohttp.ClientTimeout(total=120)


@dataclass(frozen=True)
class Reply:
    """What was answered. ``status`` is 0 where no answer came."""

    status: int
    incident: str = ""

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


class Arm(ABC):
    """One of them. ``agent`` is how its requests begin to name themselves in the audit log."""

    name: str
    agent: str
    program: Program | None = None

    @abstractmethod
    async def send(self, alert: Alert) -> Reply:
        """Hands it one alert. Never raises: what was not answered is a reply too."""

    def start(self) -> float:
        """Seconds until it was healthy."""
        return self.program.start() if self.program else 0.0

    def stop(self) -> None:
        if self.program:
            self.program.stop()

    async def close(self) -> None:
        """Ends its connections."""
        return


class Webhook(Arm):
    """A program that takes alerts by HTTP."""

    def __init__(self, name: str, agent: str, program: Program, url: str) -> None:
        self.name, self.agent, self.program, self._url = name, agent, program, url
        self._session: aiohttp.ClientSession | None = None

    async def send(self, alert: Alert) -> Reply:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=_ANSWER)
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(self._url, data=alert.body(), headers=headers) as answer:
                body = await answer.read()
                told = await answer.json() if body and answer.content_type == "application/json" else {}
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Reply(0)
        alerts = told.get("alerts") or [{}]
        return Reply(answer.status, alerts[0].get("incident", ""))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class Kubectl(Arm):
    """A person, or a script, at a terminal."""

    name, agent = KUBECTL, "kubectl"

    def __init__(self, kubeconfig: Path) -> None:
        self._command = ["kubectl", f"--kubeconfig={kubeconfig}", "rollout", "restart"]

    async def send(self, alert: Alert) -> Reply:
        process = await asyncio.create_subprocess_exec(
            *self._command, f"deployment/{alert.deployment}", f"--namespace={alert.namespace}",
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return Reply(200 if await process.wait() == 0 else 500)


def all_arms(cluster: Cluster, folder: Path) -> dict[str, Arm]:
    """Every arm by its name, none of them started. Raises Failed where the Go floor cannot be built."""
    access = cluster.access()
    options = [f"--server={access.server}", f"--ca={access.ca}", f"--token={access.token}"]
    python = [sys.executable, str(ROOT / "bench" / "floor" / "floor.py"), *options]
    arms = (
        _floor(GO_FLOOR, "paramedic-bench-go-floor", [str(build_floor(folder)), *options], folder),
        _floor(PYTHON_FLOOR, "paramedic-bench-python-floor", python, folder),
        Kubectl(cluster.kubeconfig),
        _paramedic(cluster, folder),
    )
    return {arm.name: arm for arm in arms}


def _floor(name: str, agent: str, command: list[str], folder: Path) -> Arm:
    address = f"127.0.0.1:{free_port()}"
    log = folder / f"{name.lower().replace(' ', '-')}.log"
    program = Program(name, [*command, f"--listen={address}"], f"http://{address}/", log)
    return Webhook(name, agent, program, f"http://{address}/")


def _paramedic(cluster: Cluster, folder: Path) -> Arm:
    receiver, ops = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    kubeconfig = cluster.access("paramedic").kubeconfig
    command = [sys.executable, "-m", "paramedic", "run", f"--kubeconfig={kubeconfig}", f"--lease-namespace={HOME}"]
    command += ["--log-format=json", f"--receiver={receiver}", f"--ops={ops}"]
    program = Program(PARAMEDIC, command, f"http://{ops}/readyz", folder / "paramedic.log")
    return Webhook(PARAMEDIC, "paramedic/", program, f"http://{receiver}/v1/alertmanager")


def build_floor(folder: Path) -> Path:
    """Builds the Go floor, which needs nothing but Go's standard library. Raises Failed."""
    path = {"PYTHONPATH": str(ROOT / "dev")}
    found = subprocess.run(
        [sys.executable, "-m", "cluster.golang"], capture_output=True, text=True, check=False, env=os.environ | path
    )
    if found.returncode:
        raise Failed(found.stderr.strip())
    go, program = found.stdout.split()[0], folder / "floor"
    done = subprocess.run(
        [go, "build", "-o", str(program), "."], cwd=ROOT / "bench" / "floor", check=False,
        env=os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"},
    )  # fmt: skip
    if done.returncode:
        raise Failed("the Go floor (bench/floor) could not be built; the compiler's message is above")
    return program
