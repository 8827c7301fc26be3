"""A real Prometheus and a real Alertmanager on loopback, each with a configuration and a folder of its own.

    with Prometheus(tmp_path / "prometheus", config) as prometheus:
        prometheus.wait_for_alert("InstanceDown")

`dev/monitoring` installs the programs.
"""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import yaml

from support.operator_process import free_port

Object = dict[str, Any]


def tool(*names: str) -> str:
    """The path of a program, by the first of its names that is there."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError(f"there is no {' or '.join(names)} on PATH; run dev/monitoring")
    return found


def run_tool(name: str, *args: str) -> str:
    """What `promtool` or `amtool` prints. Raises AssertionError with it when the tool finds something wrong."""
    done = subprocess.run([tool(name), *args], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise AssertionError(f"{name} {' '.join(args)}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


class Server:
    """One running server. Its log is kept in its folder, and shown when it does not start."""

    programs: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Path, config: Object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._write(config)

    def arguments(self) -> list[str]:
        """The flags beside `--config.file` and `--web.listen-address`."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """Host and port, as a scrape configuration or `static_configs` has them."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        path = self.folder / "server.log"
        return path.read_text() if path.exists() else ""

    def start(self) -> Self:
        """Starts it and waits until it is ready. It keeps its port and its data over a stop and a start."""
        flags = [f"--config.file={self._config}", f"--web.listen-address={self.address}", *self.arguments()]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [tool(*self.programs), *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._ready():
                return self
            time.sleep(0.05)
        self.stop()
        raise AssertionError(f"{self.programs[0]} was not ready in time:\n{self.log[-3000:]}")

    def stop(self) -> None:
        """Ends the process that this object started, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)

    def reload(self, config: Object) -> None:
        """Gives the running server another configuration. Raises AssertionError when it refuses it."""
        self._write(config)
        request = urllib.request.Request(f"http://{self.address}/-/reload", method="POST")
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{self.programs[0]} refused its configuration: {refusal.read().decode()}") from None

    def get(self, path: str, **parameters: str) -> Any:
        """The answer to a GET of its HTTP API, from JSON."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        with urllib.request.urlopen(f"http://{self.address}{path}{query}", timeout=10) as answer:
            return json.load(answer)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _config(self) -> Path:
        return self.folder / "config.yaml"

    def _write(self, config: Object) -> None:
        self._config.write_text(yaml.safe_dump(config, sort_keys=False))

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class Prometheus(Server):
    """Prometheus. The configuration is that of its documentation; `rule_files` may be relative to the folder."""

    programs = ("prometheus",)

    def arguments(self) -> list[str]:
        # An alert that fires before the Alertmanager is discovered (5 s) is sent again after this delay, not after 1 min.
        resend = "--rules.alert.resend-delay=1s"
        return [f"--storage.tsdb.path={self.folder / 'data'}", "--web.enable-lifecycle", "--log.level=warn", resend]

    def query(self, expression: str) -> list[Object]:
        """The series of an instant query, each with `metric` (labels) and `value` ([time, text])."""
        found: list[Object] = self.get("/api/v1/query", query=expression)["data"]["result"]
        return found

    def alerts(self) -> list[Object]:
        """Pending and firing alerts, each with `labels`, `annotations`, `state` and `activeAt`."""
        found: list[Object] = self.get("/api/v1/alerts")["data"]["alerts"]
        return found

    def targets(self) -> list[Object]:
        """What is scraped, each with `labels`, `health` and `lastError`."""
        found: list[Object] = self.get("/api/v1/targets")["data"]["activeTargets"]
        return found

    def wait_for(self, expression: str, seconds: float = 30) -> list[Object]:
        """The series of a query, once there are any."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := self.query(expression):
                return found
            time.sleep(0.2)
        raise AssertionError(f"{expression} had no answer within {seconds} s; targets: {self.targets()}")

    def wait_for_alert(self, name: str, state: str = "firing", seconds: float = 60) -> Object:
        """The first alert of a name, once it is in this state."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for alert in self.alerts():
                if alert["labels"]["alertname"] == name and alert["state"] == state:
                    return alert
            time.sleep(0.2)
        raise AssertionError(f"{name} was not {state} within {seconds} s; alerts: {self.alerts()}")


class Alertmanager(Server):
    """Alertmanager, alone: it joins no cluster."""

    programs = ("prometheus-alertmanager", "alertmanager")

    def arguments(self) -> list[str]:
        return [f"--storage.path={self.folder / 'data'}", "--cluster.listen-address=", "--log.level=debug"]

    def alerts(self) -> list[Object]:
        """What it holds, each with `labels`, `status`, `startsAt`, `endsAt` and `fingerprint`."""
        found: list[Object] = self.get("/api/v2/alerts")
        return found

    def wait_for_alerts(self, seconds: float = 30, **labels: str) -> list[Object]:
        """The alerts with these labels, once there are any."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := [alert for alert in self.alerts() if labels.items() <= alert["labels"].items()]:
                return found
            time.sleep(0.2)
        raise AssertionError(f"no alert with {labels} within {seconds} s; alerts: {self.alerts()}")

    def post(self, *alerts: Object) -> None:
        """Sends alerts as Prometheus does: `labels`, and where wanted `annotations`, `startsAt`, `endsAt`."""
        request = urllib.request.Request(
            f"http://{self.address}/api/v2/alerts",
            data=json.dumps(list(alerts)).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()
