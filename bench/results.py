"""What a run found, as it is kept in a file. Times are milliseconds or seconds, as the names say; memory is MB."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Machine(_Model):
    processor: str
    cores: int
    memory_gb: float
    kernel: str
    busy: float  # load average over one minute when the run began


class Latency(_Model):
    """One arm, one alert after the other: from the alert to its PATCH, as it came in and as it was answered."""

    received_ms: list[float]
    done_ms: list[float]
    lost: int


class Requests(_Model):
    """Of one incident, on average: writes until its remedy, all writes, and all requests, by verb and resource."""

    incidents: int
    writes_before_remedy: dict[str, float]
    writes: dict[str, float]
    requests: dict[str, float]


class Burst(_Model):
    """Many alerts at once, each about a Deployment of its own. Seconds count from the first alert."""

    arm: str
    round: int
    alerts: int
    accepted: int
    lost: int  # accepted and not acted upon
    twice: int
    last_accepted_s: float
    last_action_s: float
    cpu_s: float
    curve: list[tuple[float, int]]


class Kill(_Model):
    """One kill under load. Everything is sent again until it is accepted, as Alertmanager does."""

    alerts: int
    accepted_when_killed: int
    acted_when_killed: int
    accepted: int
    lost: int
    twice: int
    healthy_again_s: float
    last_action_s: float


class Repeats(_Model):
    """One alert that lasts: sent at once, at intervals, and after a restart."""

    sent: int
    accepted: int
    actions: int
    incidents: int


class Footprint(_Model):
    healthy_s: list[float]
    idle_mb: float
    busy_mb: float | None = None  # after a burst
    peak_mb: float | None = None


class Results(_Model):
    at: str
    command: str
    machine: Machine
    versions: dict[str, str]
    seconds: dict[str, float]  # how long each part took
    latency: dict[str, Latency] = {}
    requests: Requests | None = None
    bursts: list[Burst] = []
    kills: list[Kill] = []
    repeats: Repeats | None = None
    footprint: dict[str, Footprint] = {}

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Results":
        return cls.model_validate_json(path.read_text())
