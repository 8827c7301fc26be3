"""The API server's audit log: when each request came, who sent it, and what became of it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_POLL = 0.002  # seconds; the log is on the same machine, and a look at its length is cheap
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that was answered. Times are seconds since the epoch, by the API server's clock."""

    agent: str
    verb: str
    resource: str  # plural, with the subresource after a slash
    namespace: str
    name: str
    received: float
    done: float
    status: int

    @property
    def writes(self) -> bool:
        """Whether it changed what is stored: an access review is asked by a POST, and stores nothing."""
        return self.verb in _WRITES and not self.resource.endswith("accessreviews") and self.status < 300

    @property
    def restarts(self) -> bool:
        """Whether it is the remedy of the benchmark: a PATCH of a Deployment that was accepted."""
        return self.verb == "patch" and self.resource == "deployments" and self.status < 300


def parse_line(line: bytes) -> Entry | None:
    """One line of the log; None for what is not an answer to a request about an object."""
    found: dict[str, Any] = json.loads(line)
    ref = found.get("objectRef")
    if found.get("stage") != "ResponseComplete" or not ref:
        return None
    resource = "/".join(part for part in (ref.get("resource"), ref.get("subresource")) if part)
    return Entry(
        agent=found.get("userAgent", ""),
        verb=found["verb"],
        resource=resource,
        namespace=ref.get("namespace", ""),
        name=ref.get("name", ""),
        received=_seconds(found["requestReceivedTimestamp"]),
        done=_seconds(found["stageTimestamp"]),
        status=int(found.get("responseStatus", {}).get("code", 0)),
    )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


class AuditLog:
    """Follows the log. Entries of the cluster's own programs are left out before they are parsed: they are most of it."""

    def __init__(self, path: Path, agents: Iterable[str]) -> None:
        """``agents`` are the beginnings of the user agents that count."""
        self._path = path
        self._agents = tuple(agents)
        self._marks = tuple(f'"userAgent":"{agent}'.encode() for agent in self._agents)
        self._offset = path.stat().st_size
        self._rest = b""
        self.entries: list[Entry] = []

    def mark(self) -> int:
        """The place where the next entry will be, in `entries`."""
        self.read()
        return len(self.entries)

    def read(self) -> list[Entry]:
        """Takes in what is new, and returns it."""
        if self._path.stat().st_size <= self._offset:
            return []
        with self._path.open("rb") as log:
            log.seek(self._offset)
            data = log.read()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        wanted = (line for line in lines if any(mark in line for mark in self._marks))
        new = [entry for line in wanted if (entry := parse_line(line)) is not None]
        self.entries += new
        return new

    async def wait_for(self, wanted: Callable[[Entry], bool], seconds: float) -> Entry | None:
        """The first new entry that is wanted; None when there is none in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for entry in self.read():
                if wanted(entry):
                    return entry
            await asyncio.sleep(_POLL)
        return None
