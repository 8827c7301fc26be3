"""Leadership by a Lease: of any number of replicas, at most one acts.

The figures are client-go's: a lease lasts 15 s, must be renewed within 10 s, and is tried every 2 s. Three rules make it
safe where others are not: time is this process's monotonic clock; no request may take longer than a third of the renew
deadline; and a process that could not renew in time stops being leader by the clock alone, then exits.
"""

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paramedic.clock import Clock
from paramedic.cluster.transport import ApiError, Request, Transport, Unavailable
from paramedic.model.references import LEASE
from paramedic.model.times import format_time

log = logging.getLogger(__name__)


class LostLease(Exception):
    """Leadership could not be renewed in time. The process must exit: another may act by now."""


@dataclass(frozen=True)
class LeaseTimes:
    """Seconds."""

    duration: float = 15.0
    renew: float = 10.0
    retry: float = 2.0

    @classmethod
    def of(cls, duration: float) -> "LeaseTimes":
        """The usual proportions for a lease of this length."""
        return cls(duration, duration * 2 / 3, duration * 2 / 15)

    @property
    def request_timeout(self) -> float:
        return self.renew / 3


class LeaderLease:
    """One candidate for a Lease."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        namespace: str,
        *,
        name: str = "paramedic",
        identity: str = "",
        times: LeaseTimes | None = None,
        alive: Callable[[str], bool | None] | None = None,
    ) -> None:
        self._transport, self._clock = transport, clock
        self._namespace, self._name = namespace, name
        self.identity = identity or own_identity()
        self._times = times or LeaseTimes()
        self._alive = alive or is_alive
        self._renewed: float | None = None  # when the last renewal that succeeded was begun
        self._observed: tuple[str, float] = ("", 0.0)  # another's renewal, and when it was first seen

    @property
    def leads(self) -> bool:
        """Whether this process may act now. It stops being true by itself when renewals stop."""
        return self._renewed is not None and self._clock.monotonic() < self._renewed + self._times.renew

    async def acquire(self) -> None:
        """Returns once this process leads."""
        while not await self._try():
            await self._clock.sleep(self._times.retry)
        log.info("leading", extra={"lease": f"{self._namespace}/{self._name}", "identity": self.identity})

    async def keep(self) -> None:
        """Renews for as long as it can. Raises LostLease when it could not in time, or another leads."""
        while True:
            await self._clock.sleep(self._times.retry)
            if not await self._try() and not self.leads:
                raise LostLease(f"the lease {self._namespace}/{self._name} could not be renewed in time")

    async def release(self) -> None:
        """Gives leadership up, so that another need not wait for the lease to run out."""
        if self._renewed is None:
            return
        self._renewed = None
        try:
            found = await self._send("GET", None)
            if found and found["spec"].get("holderIdentity") == self.identity:
                found["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                await self._send("PUT", found)
        except (ApiError, Unavailable) as error:
            log.warning("the lease could not be released, so the next leader waits for it to run out: %s", error)

    async def _try(self) -> bool:
        begun = self._clock.monotonic()
        try:
            found = await self._send("GET", None)
            if found is None:
                await self._send("POST", self._wanted({}, taken=True))
            elif not self._may_take(found):
                return False
            else:
                taken = found["spec"].get("holderIdentity") != self.identity
                await self._send("PUT", {**found, "spec": self._wanted(found["spec"], taken)["spec"]})
        except (ApiError, Unavailable) as error:
            log.warning("the lease was not renewed: %s", error)
            return False
        self._renewed = begun
        return True

    def _may_take(self, found: dict[str, Any]) -> bool:
        spec = found["spec"]
        holder = spec.get("holderIdentity") or ""
        if holder in ("", self.identity) or self._alive(holder) is False:
            return True
        # Another's clock is not trusted: what counts is how long its renewal has not changed by ours.
        seen = f"{holder}/{spec.get('renewTime')}/{found['metadata']['resourceVersion']}"
        now = self._clock.monotonic()
        if seen != self._observed[0]:
            self._observed = (seen, now)
        return now >= self._observed[1] + float(spec.get("leaseDurationSeconds") or self._times.duration)

    def _wanted(self, spec: dict[str, Any], taken: bool) -> dict[str, Any]:
        now = format_time(self._clock.now())
        new = {
            **spec,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._times.duration)),
            "renewTime": now,
            "acquireTime": now if taken else spec.get("acquireTime") or now,
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (1 if taken and spec else 0),
        }
        meta = {"name": self._name, "namespace": self._namespace}
        return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": meta, "spec": new}

    async def _send(self, method: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        path = LEASE.path(self._namespace, None if method == "POST" else self._name)
        try:
            found: dict[str, Any] = await self._transport.send(
                Request(method, path, body=body, timeout=self._times.request_timeout)
            )
        except ApiError as error:
            if method == "GET" and error.status == 404:
                return None
            raise
        return found


def own_identity() -> str:
    """Names this very process: host, boot, process namespace, process, and when it started."""
    return "_".join([socket.gethostname(), *_space(), str(os.getpid()), _started(os.getpid()) or "0"])


def is_alive(identity: str) -> bool | None:
    """Whether the process of an identity still runs; None where this machine cannot know.

    It can know for a process of the same boot and the same process namespace: then /proc tells, and the successor of a
    killed process need not wait for its lease to run out.
    """
    parts = identity.rsplit("_", 4)
    if len(parts) != 5 or tuple(parts[1:3]) != _space() or not parts[3].isdigit():
        return None
    return _started(int(parts[3])) == parts[4]


def _space() -> tuple[str, str]:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return boot, os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115
    except OSError:
        return "unknown", "unknown"


def _started(pid: int) -> str | None:
    """When a process started, in clock ticks since the boot; None for one that does not run (a zombie does not)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else fields[19]
