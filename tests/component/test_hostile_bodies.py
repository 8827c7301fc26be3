"""A hundred thousand malformed and hostile requests: each is answered as it should be, and nothing else happens.

They are made from valid notifications by a seeded generator, so that a failure can be seen again, and handed to the
application without sockets. What is refused stores nothing; what is taken stores an Incident of bounded size whose texts
are those of the alert.
"""

import asyncio
import json
import logging
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from aiohttp import streams, web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict, CIMultiDictProxy

from paramedic.api.v1alpha1.incident import Incident
from paramedic.clock import ManualClock
from paramedic.cluster.api import Api
from paramedic.cluster.fake import FakeCluster, FakeHttp
from paramedic.intake import Intake
from paramedic.lookups import Territory
from paramedic.metrics import Metrics
from paramedic.model.references import INCIDENT, NAMESPACE, NODE, POD, SERVICE, WORKLOADS
from paramedic.webhook import PATH, Limits, Receiver
from support.alerts import HOSTILE_TEXTS, alert, notification

READ = {INCIDENT, NAMESPACE, NODE, POD, SERVICE, *WORKLOADS}
COUNT, DOOR = 100_000, 50
LIMIT = 64 << 10
#: 503 is not among them: nothing here keeps an alert from being stored.
ALLOWED = {200, 400, 413}

#: What a request has that is the same for all: built once, since mocks are slow.
EXAMPLE = make_mocked_request("POST", PATH)._message


class Server:
    """As much of the server's side of a connection as reading a body takes."""

    ssl_context = peername = sockname = None

    def resume_reading(self, **_: object) -> None:
        """Nothing was paused."""

    pause_reading = resume_reading


SERVER: Any = Server()

WRONG_VALUES: tuple[Any, ...] = (None, True, 0, -1, 1e308, 10**400, [], {}, [[]], {"a": {"b": []}}, "text", ["text"])
WRONG_TEXT = (
    b"", b"{", b"}", b"[", b"null", b"\x00", b"\xff\xfe", b"\xc3\x28", b'"', b"\\ud800", b"\\u0000", b"NaN", b"Infinity", b"1e999",
    b"//", b",", b"'", b"\xef\xbb\xbf", b"[" * 5_000, b'{"a":' * 5_000, b"9" * 5_000, b" " * (LIMIT + 1),
)  # fmt: skip
NAMES = (
    "alertname", "severity", "namespace", "exported_namespace", "pod", "exported_pod", "deployment", "service", "node",
    "instance", "job", "container", "__name__", "", "a b", "\x00", "x" * 2_000, "metadata", "spec.alert", "$schema",
)  # fmt: skip


@dataclass
class Generator:
    """Notifications, each changed in one to three ways."""

    random: random.Random

    def body(self) -> bytes:
        content = notification(*(self._alert() for _ in range(self.random.choice((0, 1, 1, 1, 2, 3)))))
        for _ in range(self.random.randint(0, 2)):
            self.random.choice(self._structural)(self, content)
        text = json.dumps(content, ensure_ascii=self.random.random() < 0.5).encode(errors="surrogatepass")
        return self._garbled(text) if self.random.random() < 0.4 else text

    def _alert(self) -> dict[str, Any]:
        labels = {self.random.choice(NAMES): self._text() for _ in range(self.random.randint(0, 4))}
        found = alert(status=self.random.choice(("firing", "firing", "resolved")), labels=labels)
        found["annotations"] = {self.random.choice(("summary", "description", "x")): self._text()}
        found["startsAt"] = f"2026-01-01T00:00:{self.random.randint(0, 59):02}Z"
        return found

    def _text(self) -> str:
        text = self.random.choice(HOSTILE_TEXTS)
        return text * self.random.choice((1, 1, 1, 2, 50)) if len(text) < 200 else text

    def _replace_a_field(self, content: dict[str, Any]) -> None:
        holder = self._somewhere(content)
        if holder:
            holder[self.random.choice(list(holder))] = self.random.choice(WRONG_VALUES)

    def _remove_a_field(self, content: dict[str, Any]) -> None:
        holder = self._somewhere(content)
        if holder:
            del holder[self.random.choice(list(holder))]

    def _add_a_field(self, content: dict[str, Any]) -> None:
        self._somewhere(content)[self._text()] = self.random.choice(WRONG_VALUES)

    def _write_a_text(self, content: dict[str, Any]) -> None:
        holder = self._somewhere(content)
        if holder:
            holder[self.random.choice(list(holder))] = self._text()

    _structural: tuple[Callable[["Generator", dict[str, Any]], None], ...] = (
        _replace_a_field, _remove_a_field, _add_a_field, _write_a_text,
    )  # fmt: skip

    def _somewhere(self, content: dict[str, Any]) -> dict[str, Any]:
        """The notification, one of its alerts, or the labels or annotations of one."""
        alerts = content.get("alerts")
        holder = content
        if isinstance(alerts, list) and alerts and self.random.random() < 0.7:
            chosen = self.random.choice(alerts)
            holder = chosen if isinstance(chosen, dict) else content
        inner = [value for value in (holder.get("labels"), holder.get("annotations")) if isinstance(value, dict)]
        return self.random.choice(inner) if inner and self.random.random() < 0.4 else holder

    def _garbled(self, text: bytes) -> bytes:
        """Bytes cut off, turned, doubled, or with something in between."""
        at = self.random.randrange(len(text))
        return self.random.choice(
            (
                text[:at],
                text[:at] + self.random.choice(WRONG_TEXT) + text[at:],
                text[:at] + self.random.choice(WRONG_TEXT) + text[at + self.random.randint(1, 20) :],
                text[:at] + bytes([text[at] ^ (1 << self.random.randrange(8))]) + text[at + 1 :],
                text[at:] + text[:at],
                text + text,
            )
        )


class NoSocket:
    """The application, called as aiohttp's server calls it."""

    def __init__(self) -> None:
        self.cluster = FakeCluster(ManualClock())
        intake = Intake(Api(self.cluster, FakeHttp()), Territory("ops"))
        self._runner = web.AppRunner(Receiver(intake, None, Metrics(), ManualClock(), Limits(body=LIMIT)).app())

    async def open(self) -> "NoSocket":
        await self._runner.setup()
        return self

    async def post(self, content: bytes) -> tuple[int, Any]:
        payload = streams.StreamReader(SERVER, 1 << 30)
        payload.feed_data(content)
        payload.feed_eof()
        headers = CIMultiDict({"Content-Length": str(len(content)), "Content-Type": "application/json"})
        message = EXAMPLE._replace(headers=CIMultiDictProxy(headers))
        loop = asyncio.get_running_loop()
        request = web.Request(
            message, payload, SERVER, mock.sentinel.writer, mock.sentinel.task, loop, client_max_size=LIMIT
        )
        assert self._runner.server is not None
        answer = await self._runner.server.request_handler(request)
        assert isinstance(answer, web.Response) and isinstance(answer.body, bytes)
        return answer.status, json.loads(answer.body)


def check(cluster: FakeCluster) -> None:
    """Each Incident is valid, small, under a name of ours, and nothing but Incidents and their status was written."""
    for found in cluster.all(INCIDENT):
        Incident.model_validate(found)
        assert len(json.dumps(found, ensure_ascii=False).encode()) < 32_000
        assert re.fullmatch(r"[a-z0-9][-a-z0-9]*-[0-9a-f]{10}", found["metadata"]["name"])
        assert found["metadata"]["namespace"] == "ops"
    for item in cluster.log:
        assert item.address.resource in READ if item.request.method == "GET" else item.address.resource == INCIDENT
        assert item.request.account == ""
        assert "." not in item.request.path.split("/")[1:] and "?" not in item.request.path


async def test_a_hundred_thousand_hostile_bodies(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    generator, statuses, stored = Generator(random.Random(4)), Counter[int](), 0
    for _ in range(COUNT // DOOR):
        door = await NoSocket().open()  # a new one now and then: a full cluster in memory is slow to search
        for _ in range(DOOR):
            content, writes = generator.body(), len(door.cluster.writes)
            status, answer = await door.post(content)
            statuses[status] += 1
            assert status in ALLOWED, content
            if status != 200:
                assert answer["error"] and len(answer["error"]) < 500, content
                assert len(door.cluster.writes) == writes, content
        check(door.cluster)
        stored += len(door.cluster.all(INCIDENT))
    assert [record for record in caplog.records if record.exc_info] == []
    assert statuses.total() == COUNT and min(statuses[status] for status in ALLOWED) > COUNT // 200, statuses
    assert stored > COUNT // 100
