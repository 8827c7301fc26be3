"""The alert receiver over HTTP: who is let in, what is refused by which status and words, what is answered."""

import asyncio
import gzip
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import trustme
from aiohttp.test_utils import TestClient, TestServer

from paramedic.clock import ManualClock
from paramedic.cluster.api import Api
from paramedic.cluster.fake import FakeCluster, FakeHttp, Moment
from paramedic.cluster.transport import Request, Unavailable
from paramedic.credentials import Certificate, TokenFile, Unusable
from paramedic.intake import Intake
from paramedic.lookups import Territory
from paramedic.metrics import Metrics
from paramedic.model.references import INCIDENT
from paramedic.webhook import PATH, Limits, Receiver
from support.alerts import alert, body, resolved

Answer = tuple[int, Any]


class Door:
    """A receiver that serves, on loopback."""

    def __init__(self) -> None:
        self.cluster = FakeCluster(ManualClock())
        self.metrics = Metrics()
        self.client: TestClient[Any, Any]

    async def open(self, tokens: TokenFile | None = None, **limits: Any) -> "Door":
        intake = Intake(Api(self.cluster, FakeHttp()), Territory("ops"))
        receiver = Receiver(intake, tokens, self.metrics, ManualClock(), Limits(**limits))
        self.client = TestClient(TestServer(receiver.app()))
        await self.client.start_server()
        return self

    async def post(self, content: Any = None, *, token: str = "", path: str = PATH, **options: Any) -> Answer:
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        data = body(alert()) if content is None else content
        async with self.client.post(path, data=data, headers=headers, **options) as answer:
            self.headers = answer.headers
            return answer.status, await answer.json()

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    @property
    def incidents(self) -> list[Any]:
        return self.cluster.all(INCIDENT)


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    found = Door()
    yield found
    await found.client.close()


# --- answers


async def test_what_became_of_each_alert_is_answered(door: Door) -> None:
    await door.open()

    status, answer = await door.post(body(alert(fingerprint="f1"), resolved("Other", fingerprint="f2")))

    name = door.incidents[0]["metadata"]["name"]
    assert status == 200
    assert answer == {
        "alerts": [
            {"fingerprint": "f1", "result": "Created", "incident": f"ops/{name}"},
            {"fingerprint": "f2", "result": "NothingToResolve"},
        ]
    }


async def test_a_notification_without_alerts_is_fine(door: Door) -> None:
    await door.open()
    assert await door.post(body()) == (200, {"alerts": []})


async def test_a_part_that_cannot_be_stored_makes_it_503_and_the_rest_is_stored(door: Door) -> None:
    await door.open()

    def away(request: Request, moment: Moment) -> None:
        if moment == "before" and request.body["metadata"]["name"].startswith("other-"):
            raise Unavailable("away")

    door.cluster.fault = away
    content = body(alert(), alert("Other"), alert("Third"))

    status, answer = await door.post(content)

    assert status == 503
    assert door.headers["Retry-After"] == "5"
    assert answer["error"] == "1 of 3 alerts could not be stored: the API server does not answer: away"
    assert [item["result"] for item in answer["alerts"]] == ["Created", "Unavailable", "Created"]

    door.cluster.fault = None
    status, answer = await door.post(content)
    assert (status, [item["result"] for item in answer["alerts"]]) == (200, ["Exists", "Created", "Exists"])
    assert len(door.incidents) == 3


async def test_an_api_server_that_hangs_makes_it_503_in_time(door: Door) -> None:
    await door.open(storing=0.05)
    send = door.cluster.send

    async def hang(request: Request) -> Any:
        if request.method == "POST":
            await asyncio.Event().wait()
        return await send(request)

    door.cluster.send = hang  # type: ignore[method-assign]

    status, answer = await door.post()

    assert (status, answer["alerts"][0]["error"]) == (503, "it was not stored within 0.05 s")


async def test_results_are_counted(door: Door) -> None:
    await door.open()
    for content in (body(alert()), body(alert()), body(resolved())):
        await door.post(content)

    assert door.metric("paramedic_alerts_total", result="Created") == 1
    assert door.metric("paramedic_alerts_total", result="Exists") == 1
    assert door.metric("paramedic_alerts_total", result="Resolved") == 1
    assert door.metric("paramedic_alerts_received_total", status="firing") == 2
    assert door.metric("paramedic_receiver_request_duration_seconds_count", code="200") == 3


async def test_alerts_that_alertmanager_left_out_are_counted_and_told(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    await door.open()
    await door.post(body(alert(), truncatedAlerts=7))
    assert door.metric("paramedic_alerts_truncated_total") == 7
    assert "left out 7 alerts of a notification; set max_alerts of its webhook_config to 0" in caplog.text


# --- who is let in


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    found = tmp_path / "tokens"
    found.write_text("# of Alertmanager\nfirst\n\n  second  \n")
    return found


def write(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.mark.parametrize("token", ["first", "second"])
async def test_each_token_of_the_file_is_accepted(door: Door, token_file: Path, token: str) -> None:
    await door.open(TokenFile(str(token_file)))
    assert (await door.post(token=token))[0] == 200


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "send the header Authorization: Bearer TOKEN"),
        ({"Authorization": "Bearer"}, "send the header Authorization: Bearer TOKEN"),
        ({"Authorization": "Bearer wrong"}, "the token is not one that is known here"),
        ({"Authorization": "Bearer # of Alertmanager"}, "the token is not one that is known here"),
        ({"Authorization": "Bearer firs"}, "the token is not one that is known here"),
        ({"Authorization": "Bearer first second"}, "the token is not one that is known here"),
        ({"Authorization": "Basic first"}, "the token is not one that is known here"),
        ({"Authorization": "Bearer \udcff"}, "the token is not one that is known here"),
        ({"X-Token": "first"}, "send the header Authorization: Bearer TOKEN"),
    ],
)
async def test_without_a_known_token_nothing_is_read(
    door: Door, token_file: Path, headers: dict[str, str], told: str
) -> None:
    await door.open(TokenFile(str(token_file)))

    if "\udcff" in headers.get("Authorization", ""):
        status = await _raw(door, b"Authorization: Bearer \xff\r\n")
        assert status == 401
    else:
        assert await door.post(b"not even JSON", headers=headers) == (401, {"error": told})
        assert door.headers["WWW-Authenticate"] == 'Bearer realm="paramedic"'
    assert door.incidents == []
    assert door.metric("paramedic_receiver_refused_total", reason="unauthorized") == 1


async def _raw(door: Door, headers: bytes, content: bytes = b"{}", *, length: int | None = None) -> int:
    """The status that a request of these bytes is answered with; 0 where the connection ends."""
    reader, writer = await asyncio.open_connection(door.client.host, door.client.port)
    size = len(content) if length is None else length
    writer.write(
        b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (PATH.encode(), size) + headers + b"\r\n" + content
    )
    if length is not None:
        writer.write_eof()
    line = await reader.readline()
    writer.close()
    return int(line.split()[1]) if line else 0


async def test_the_scheme_is_written_as_one_likes(door: Door, token_file: Path) -> None:
    await door.open(TokenFile(str(token_file)))
    assert (await door.post(headers={"Authorization": "bearer first"}))[0] == 200


async def test_tokens_are_rotated_without_a_restart(door: Door, token_file: Path) -> None:
    await door.open(TokenFile(str(token_file)))
    assert (await door.post(token="third"))[0] == 401

    write(token_file, "second\nthird\n")

    assert [(await door.post(token=token))[0] for token in ("first", "second", "third")] == [401, 200, 200]


async def test_a_mounted_secret_is_rotated_by_moving_a_link(door: Door, tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "tokens").write_text(f"token-{version}")
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "tokens").symlink_to("..data/tokens")
    await door.open(TokenFile(str(tmp_path / "tokens")))
    assert (await door.post(token="token-one"))[0] == 200

    (tmp_path / "..data_tmp").symlink_to("two")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")

    assert [(await door.post(token=f"token-{version}"))[0] for version in ("one", "two")] == [401, 200]


@pytest.mark.parametrize(
    "change", [Path.unlink, lambda path: path.write_text("# none\n"), lambda path: path.write_bytes(b"\xff")]
)
async def test_a_token_file_that_cannot_be_used_lets_nobody_in_and_loses_nothing(
    door: Door, token_file: Path, change: Callable[[Path], object]
) -> None:
    await door.open(TokenFile(str(token_file)))
    change(token_file)

    status, answer = await door.post(token="first")
    assert status == 503  # which Alertmanager sends again, unlike a 401
    assert answer["error"].startswith(f"the token file {token_file} ")

    write(token_file, "first")
    assert (await door.post(token="first"))[0] == 200


def test_a_token_file_must_be_there_from_the_start(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be read"):
        TokenFile(str(tmp_path / "none"))
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(Unusable, match="holds no token; write one a line"):
        TokenFile(str(tmp_path / "empty"))


# --- what is refused


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_nothing_but_post_is_taken(door: Door, method: str) -> None:
    await door.open()
    async with door.client.request(method, PATH) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/metrics", PATH + "/", "/v1/alertmanager/x", "/v1/../v1/alertmanagers"])
async def test_no_other_path_is_served(door: Door, path: str) -> None:
    await door.open()
    assert await door.post(path=path) == (404, {"error": "there is nothing here but POST /v1/alertmanager"})


async def test_a_body_that_is_wrong_is_refused_by_field(door: Door) -> None:
    await door.open()
    content = body(alert(), alert() | {"labels": {}})
    assert await door.post(content) == (
        400,
        {"error": "alerts[1].labels.alertname: is missing or empty; every alert has a name"},
    )
    assert door.incidents == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused(door: Door, chunked: bool) -> None:
    await door.open(body=1000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    status, answer = await door.post(pieces() if chunked else b" " * 1001)

    assert status == 413
    assert answer["error"].startswith("the body is larger than 1000 bytes; let Alertmanager group fewer alerts")
    assert door.metric("paramedic_receiver_refused_total", reason="too_large") == 1


async def test_the_largest_body_that_is_allowed_is_taken(door: Door) -> None:
    content = body(alert())
    await door.open(body=len(content))
    assert (await door.post(content))[0] == 200


async def test_a_compressed_body_is_refused(door: Door) -> None:
    await door.open()
    content = gzip.compress(b" " * 10_000_000)
    assert await door.post(content, headers={"Content-Encoding": "gzip"}) == (
        415,
        {"error": "the body is compressed; send it as it is"},
    )


async def test_a_body_that_does_not_come_is_not_waited_for(door: Door) -> None:
    await door.open(reading=0.05)
    reader, writer = await asyncio.open_connection(door.client.host, door.client.port)
    writer.write(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" % PATH.encode())
    assert b" 408 " in await reader.readline()
    writer.close()


async def test_a_body_that_ends_early_is_no_error_of_ours(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    await door.open()
    await _raw(door, b"", b"{", length=100)
    await door.post()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(door.incidents) == 1


async def test_more_requests_than_can_be_held_are_sent_away_to_come_again(door: Door) -> None:
    await door.open(requests=2)
    gate, send = asyncio.Event(), door.cluster.send
    both = asyncio.Barrier(3)

    async def slow(request: Request) -> Any:
        if not gate.is_set():
            await both.wait()
            await gate.wait()
        return await send(request)

    door.cluster.send = slow  # type: ignore[method-assign]
    first = [asyncio.create_task(door.post(body(alert(f"Alert{at}")))) for at in range(2)]
    await both.wait()

    status, answer = await door.post(body(alert("Third")))

    assert (status, answer) == (503, {"error": "2 requests are under way; send it again"})
    assert door.headers["Retry-After"] == "5"
    gate.set()
    assert [(await task)[0] for task in first] == [200, 200]
    assert (await door.post(body(alert("Third"))))[0] == 200


async def test_a_flood_of_refusals_does_not_flood_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    await door.open()
    for _ in range(20):
        await door.post(b"{")
    assert len([record for record in caplog.records if "refused a request" in record.message]) == 1
    assert door.metric("paramedic_receiver_refused_total", reason="malformed") == 20


# --- HTTPS


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def write_pair(folder: Path, authority: trustme.CA, name: str = "localhost") -> Certificate | None:
    issued = authority.issue_cert(name)
    issued.cert_chain_pems[0].write_to_path(str(folder / "tls.crt"))
    issued.private_key_pem.write_to_path(str(folder / "tls.key"))
    return None


@pytest_asyncio.fixture
async def https(tmp_path: Path, authority: trustme.CA) -> AsyncIterator[Callable[[trustme.CA], Awaitable[str]]]:
    """Posts an alert over HTTPS, trusting one authority alone; gives the status or what TLS said."""
    write_pair(tmp_path, authority)
    certificate = Certificate(str(tmp_path / "tls.crt"), str(tmp_path / "tls.key"))
    intake = Intake(Api(FakeCluster(ManualClock()), FakeHttp()), Territory("ops"))
    server = TestServer(Receiver(intake, None, Metrics(), ManualClock()).app(), scheme="https")
    await server.start_server(ssl=certificate.context)

    async def post(trusted: trustme.CA) -> str:
        context = ssl.create_default_context()
        trusted.configure_trust(context)
        connector = aiohttp.TCPConnector(ssl=context, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            try:
                async with session.post(f"https://localhost:{server.port}{PATH}", data=body(alert())) as answer:
                    return str(answer.status)
            except aiohttp.ClientConnectorCertificateError:
                return "not trusted"

    yield post
    await server.close()


async def test_alerts_are_taken_over_https(
    https: Callable[[trustme.CA], Awaitable[str]], authority: trustme.CA
) -> None:
    assert await https(authority) == "200"
    assert await https(trustme.CA()) == "not trusted"


async def test_a_new_certificate_is_used_from_the_next_handshake_on(
    https: Callable[[trustme.CA], Awaitable[str]], authority: trustme.CA, tmp_path: Path
) -> None:
    other = trustme.CA()
    assert await https(other) == "not trusted"

    write_pair(tmp_path, other)

    assert await https(other) == "200"
    assert await https(authority) == "not trusted"


async def test_a_broken_certificate_leaves_the_one_before_in_use(
    https: Callable[[trustme.CA], Awaitable[str]],
    authority: trustme.CA,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "tls.key").write_text("not a key")
    assert [await https(authority) for _ in range(2)] == ["200", "200"]
    (tmp_path / "tls.key").unlink()
    assert await https(authority) == "200"
    assert caplog.text.count("the one before stays in use") == 2


@pytest.mark.parametrize("content", ["", "no PEM", "encrypted"])
def test_a_certificate_that_cannot_be_used_is_refused_at_the_start(
    content: str, tmp_path: Path, authority: trustme.CA
) -> None:
    write_pair(tmp_path, authority)
    (tmp_path / "tls.key").write_text(content)
    with pytest.raises(Unusable, match="are no certificate with its key in PEM"):
        Certificate(str(tmp_path / "tls.crt"), str(tmp_path / "tls.key"))
