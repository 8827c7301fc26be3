"""The services that channels lead to, on loopback: they check what they get as the real ones do, and can misbehave.

All hosted services live on one HTTPS server; `Sinks.resolver` makes their names lead there, and `Sinks.ca_file` makes
their certificate trusted. Webhooks of one's own are on a plain HTTP server.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web

Check = Callable[[Any], web.Response]
HOSTS = {
    "hooks.slack.com": "slack",
    "discord.com": "discord",
    "events.pagerduty.com": "pagerduty",
    "flow.example.com": "teams",
    "api.telegram.org": "telegram",
    "chat.googleapis.com": "gchat",
    "mattermost.example.com": "mattermost",
    **dict.fromkeys(
        ("api.incident.io", "api.ilert.com", "api.squadcast.com", "api.opsgenie.com", "alert.victorops.com"), "pager"
    ),
}
#: The secrets in these URLs; none of them may ever be shown.
SECRETS = (
    "B00000000",
    "cccccccccccccccccccccccc",
    "discordtoken99",
    "r0utingkey0000000000000000000000",
    "flowsignature77",
)
URLS = {
    "slack": "slack://T00000000/B00000000/cccccccccccccccccccccccc",
    "discord": "discord://1234567890/discordtoken99",
    "pagerduty": "pagerduty://r0utingkey0000000000000000000000@apikey000000",
    "teams": "workflows://flow.example.com/flowid55555/flowsignature77",
    "telegram": "tgram://123456789:telegramtoken_telegramtoken1/12315544/",
    "gchat": "gchat://spacename/gchatkey11111/gchattoken22",
    "mattermost": "mmosts://mattermost.example.com/mattermosttoken",
}


@dataclass(frozen=True)
class Received:
    """A request that reached a service, whatever it answered."""

    service: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int


@dataclass
class Sinks:
    """What arrived, and how each service behaves."""

    ca_file: str
    https_port: int = 0
    http_port: int = 0
    received: list[Received] = field(default_factory=list)
    alerts: dict[str, str] = field(default_factory=dict)  # of PagerDuty, by dedup_key: open or resolved
    _answers: dict[str, Callable[[], web.Response]] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _reset: set[str] = field(default_factory=set)
    most_at_once: int = 0
    _now: int = 0
    _change: asyncio.Condition = field(default_factory=asyncio.Condition)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    # --- what a test arranges

    def answer(self, service: str, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        self._answers[service] = lambda: web.Response(status=status, text=body, headers=headers)

    def answer_in_turn(self, service: str, answers: Iterator[tuple[int, str]]) -> None:
        def following() -> web.Response:
            status, text = next(answers)
            return web.Response(status=status, text=text)

        self._answers[service] = following

    def hang(self, service: str) -> None:
        self._silent.add(service)

    def reset(self, service: str) -> None:
        """Takes the request, and closes the connection instead of an answer."""
        self._reset.add(service)

    def resolver(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """Every name leads here; a port of loopback stays what it is."""
        here = port if host in ("127.0.0.1", "localhost") else self.https_port
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", here))]

    @property
    def webhook(self) -> str:
        return f"json://127.0.0.1:{self.http_port}/hooks/webhooktoken"

    def bodies(self, service: str) -> list[Any]:
        return [received.body for received in self.received if received.service == service]

    async def arrived(self, count: int) -> None:
        """Waits until so many requests have arrived."""
        async with self._change:
            await self._change.wait_for(lambda: len(self.received) >= count)

    # --- the servers

    async def handle(self, request: web.Request) -> web.Response:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            return await self._handle(request)
        finally:
            self._now -= 1

    async def _keep(self, service: str, request: web.Request, body: Any, status: int) -> None:
        async with self._change:
            self.received.append(Received(service, request.path_qs, dict(request.headers), body, status))
            self._change.notify_all()

    async def _handle(self, request: web.Request) -> web.Response:
        service = HOSTS.get(request.host.partition(":")[0], "webhook")
        body = _decoded(await request.read())
        if service in self._silent:
            await self._keep(service, request, body, 0)
            await self._stop.wait()
        if service in self._reset:
            await self._keep(service, request, body, 0)
            if request.transport:
                request.transport.abort()
            return web.Response()
        answer = self._answers[service]() if service in self._answers else self._judge(service, request, body)
        await self._keep(service, request, body, answer.status)
        return answer

    def _judge(self, service: str, request: web.Request, body: Any) -> web.Response:
        if service in ("webhook", "pager"):
            return web.json_response({"requestId": "1"}, status=200)
        if not isinstance(body, dict):
            return web.Response(status=400, text="invalid_payload")
        if service == "pagerduty":
            return self._pagerduty(body)
        checks: dict[str, Callable[[web.Request, Any], web.Response]] = {
            "slack": _slack, "discord": _discord, "teams": _teams, "telegram": _telegram,
            "gchat": _text, "mattermost": _text,
        }  # fmt: skip
        return checks[service](request, body)

    def _pagerduty(self, body: dict[str, Any]) -> web.Response:
        payload, errors = body.get("payload", {}), []
        if len(body.get("routing_key", "")) != 32:
            errors.append("'routing_key' is invalid")
        if body.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            errors.append("'event_action' is invalid")
        if body.get("event_action") == "trigger":
            if not 0 < len(payload.get("summary", "")) <= 1024:
                errors.append("'payload.summary' is missing or too long")
            if payload.get("severity") not in ("critical", "error", "warning", "info"):
                errors.append("'payload.severity' is invalid")
            if not payload.get("source"):
                errors.append("'payload.source' is missing or blank")
        elif not body.get("dedup_key"):
            errors.append("'dedup_key' is missing or blank")
        if errors or len(body.get("dedup_key", "")) > 255:
            return web.json_response(
                {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, status=400
            )
        key = body.get("dedup_key") or "assigned"
        self.alerts[key] = "resolved" if body["event_action"] == "resolve" else "open"
        return web.json_response({"status": "success", "message": "Event processed", "dedup_key": key}, status=202)


@dataclass(frozen=True)
class Authority:
    """Who vouches for the services: the file to trust, and what a server needs."""

    ca_file: str
    context: ssl.SSLContext


def authority(directory: Path) -> Authority:
    """A new one, for all hosts of these services and for loopback."""
    made, ca_file = trustme.CA(), directory / "ca.pem"
    made.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert(*HOSTS, "127.0.0.1").configure_cert(context)
    return Authority(str(ca_file), context)


async def started(trusted: Authority) -> tuple[Sinks, Callable[[], Any]]:
    """The servers, and what stops them."""
    sinks = Sinks(trusted.ca_file)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", sinks.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=trusted.context).start()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sinks.https_port, sinks.http_port = (address[1] for address in runner.addresses)

    async def stop() -> None:
        sinks._stop.set()
        await begun()
        await runner.cleanup()

    return sinks, stop


async def begun() -> None:
    """Lets a connection that was just made begin: asyncio forgets it when its server is closed before that."""
    for _ in range(10):
        await asyncio.sleep(0)


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")


def _slack(request: web.Request, body: dict[str, Any]) -> web.Response:
    if request.path != "/services/T00000000/B00000000/cccccccccccccccccccccccc":
        return web.Response(status=403, text="invalid_token")
    attachments = body.get("attachments", [])
    if not body.get("text") and not attachments:
        return web.Response(status=400, text="no_text")
    for attachment in attachments:
        for block in attachment.get("blocks", []):
            if len(block.get("text", {}).get("text", "")) > (150 if block["type"] == "header" else 3000):
                return web.Response(status=400, text="invalid_blocks")
    return web.Response(text="ok")


def _discord(request: web.Request, body: dict[str, Any]) -> web.Response:
    if request.path != "/api/webhooks/1234567890/discordtoken99":
        return web.json_response({"message": "Unknown Webhook", "code": 10015}, status=404)
    if not body.get("content") and not body.get("embeds"):
        return web.json_response({"message": "Cannot send an empty message", "code": 50006}, status=400)
    if len(body.get("content", "")) > 2000:
        return web.json_response({"content": ["Must be 2000 or fewer in length."]}, status=400)
    return web.Response(status=204)


def _teams(request: web.Request, body: dict[str, Any]) -> web.Response:
    if request.query.get("sig") != "flowsignature77":
        return web.json_response({"error": {"code": "DirectApiAuthorizationRequired"}}, status=401)
    cards = [item.get("content", {}) for item in body.get("attachments", [])]
    if body.get("type") != "message" or not cards or any(card.get("type") != "AdaptiveCard" for card in cards):
        return web.json_response({"error": {"code": "TriggerInputSchemaMismatch"}}, status=400)
    return web.Response(status=202)


def _telegram(request: web.Request, body: dict[str, Any]) -> web.Response:
    allowed = ("<b>", "</b>", "<i>", "</i>", "<code>", "</code>", "<pre>", "</pre>")
    rest = str(body.get("text", ""))
    for tag in allowed:
        rest = rest.replace(tag, "")
    if body.get("parse_mode") != "HTML" or not rest or "<" in rest:
        return web.json_response({"ok": False, "error_code": 400, "description": "can't parse entities"}, status=400)
    return web.json_response({"ok": True, "result": {"message_id": 1}})


def _text(request: web.Request, body: dict[str, Any]) -> web.Response:
    return web.json_response({"ok": True}) if body.get("text") else web.Response(status=400, text="empty")
