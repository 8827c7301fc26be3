"""The alert receiver: `POST /v1/alertmanager`.

It answers 200 once every alert of a request is stored, 503 when one could not be, so that Alertmanager sends it again,
and 4xx for what will not be better the next time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from paramedic.alerts.payload import Malformed, Notification, ReceivedAlert, parse
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.credentials import Certificate, TokenFile, Unusable
from paramedic.intake import Intake, Settled
from paramedic.lookups import Territory
from paramedic.metrics import Metrics
from paramedic.model.objects import Object
from paramedic.model.text import plural
from paramedic.settings import Settings, split_address

log = logging.getLogger(__name__)

PATH = "/v1/alertmanager"
_RETRY_AFTER = "5"  # seconds
_STOPPING = 8.0  # seconds for requests under way when the process stops
_QUIET = 10.0  # seconds between two lines about refusals of one kind


@dataclass(frozen=True)
class Limits:
    """What one process takes at a time."""

    body: int = 1 << 20  # bytes of one request
    bodies: int = 32 << 20  # bytes of all requests under way
    requests: int = 2_000  # under way
    reading: float = 10.0  # seconds for a body to arrive
    storing: float = 30.0  # seconds for its alerts to be stored


class _Refused(Exception):
    """A request that is not taken, with the status that says so and the word that it is counted by."""

    def __init__(self, status: int, reason: str, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status, self.reason, self.headers = status, reason, headers


class Receiver:
    """The web application. Without a token file, everybody who reaches the address is believed."""

    def __init__(
        self, intake: Intake, tokens: TokenFile | None, metrics: Metrics, clock: Clock, limits: Limits | None = None
    ) -> None:
        self._intake, self._tokens, self._metrics, self._clock = intake, tokens, metrics, clock
        self._limits = limits or Limits()
        self._requests = self._bytes = 0
        self._told: dict[str, float] = {}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=self._limits.body, middlewares=[self._in_json])
        app.router.add_post(PATH, self._answer)
        return app

    @web.middleware
    async def _in_json(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Measures every request, and says in JSON why one is refused."""
        begun = self._clock.monotonic()
        try:
            answer = await handler(request)
        except _Refused as refused:
            answer = self._refuse(request, refused)
        except web.HTTPNotFound:
            answer = self._refuse(request, _Refused(404, "path", f"there is nothing here but POST {PATH}"))
        except web.HTTPMethodNotAllowed:
            answer = self._refuse(request, _Refused(405, "method", f"{PATH} takes POST alone", Allow="POST"))
        self._metrics.alert_requests.labels(str(answer.status)).observe(self._clock.monotonic() - begun)
        return answer

    def _refuse(self, request: web.Request, refused: _Refused) -> web.Response:
        self._metrics.alert_requests_refused.labels(refused.reason).inc()
        now = self._clock.monotonic()
        if now - self._told.get(refused.reason, -_QUIET) >= _QUIET:  # a flood of them must not flood the log
            self._told[refused.reason] = now
            log.warning("refused a request of %s: %s", request.remote, refused)
        return web.json_response({"error": str(refused)}, status=refused.status, headers=refused.headers)

    async def _answer(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        room = min(request.content_length or self._limits.body, self._limits.body)
        if self._requests >= self._limits.requests or self._bytes + room > self._limits.bodies:
            text = f"{plural(self._requests, 'request')} are under way; send it again"
            raise _Refused(503, "busy", text, **{"Retry-After": _RETRY_AFTER})
        self._requests, self._bytes = self._requests + 1, self._bytes + room
        try:
            return await self._take(_parsed(await self._body(request)))
        finally:
            self._requests, self._bytes = self._requests - 1, self._bytes - room

    def _authenticate(self, request: web.Request) -> None:
        if self._tokens is None:
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() == "bearer" and self._tokens.accepts(token.strip()):
                return
        except Unusable as error:
            raise _Refused(503, "no_tokens", str(error), **{"Retry-After": _RETRY_AFTER}) from None
        text = "the token is not one that is known here" if token else "send the header Authorization: Bearer TOKEN"
        raise _Refused(401, "unauthorized", text, **{"WWW-Authenticate": 'Bearer realm="paramedic"'})

    async def _body(self, request: web.Request) -> bytes:
        limit = self._limits.body
        too_large = _Refused(
            413, "too_large", f"the body is larger than {limit} bytes; let Alertmanager group fewer alerts (group_by)"
        )
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _Refused(415, "encoding", "the body is compressed; send it as it is")
        if (request.content_length or 0) > limit:
            raise too_large
        try:
            async with asyncio.timeout(self._limits.reading):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise too_large from None
        except (web.RequestPayloadError, ConnectionError):
            raise _Refused(400, "malformed", "the body: it ended early") from None
        except TimeoutError:
            raise _Refused(408, "slow", f"the body did not arrive within {self._limits.reading:g} s") from None

    async def _take(self, notification: Notification) -> web.Response:
        self._count(notification)
        settled = await self._settle(notification.alerts)
        for item in settled:
            self._metrics.alerts.labels(item.result).inc()
        answer: dict[str, object] = {"alerts": [_shown(item) for item in settled]}
        failed = [item for item in settled if item.result == "Unavailable"]
        if not failed:
            return web.json_response(answer)
        text = f"{len(failed)} of {plural(len(settled), 'alert')} could not be stored: {failed[0].error}"
        log.warning("%s; answered 503, so that Alertmanager sends them again", text)
        headers = {"Retry-After": _RETRY_AFTER}
        return web.json_response({"error": text, **answer}, status=503, headers=headers)

    def _count(self, notification: Notification) -> None:
        for alert in notification.alerts:
            self._metrics.alerts_received.labels("firing" if alert.firing else "resolved").inc()
        if notification.truncated:
            self._metrics.alerts_truncated.inc(notification.truncated)
            log.error(
                "Alertmanager left out %s of a notification; set max_alerts of its webhook_config to 0",
                plural(notification.truncated, "alert"),
            )

    async def _settle(self, alerts: tuple[ReceivedAlert, ...]) -> list[Settled]:
        """What became of each, in their order. What takes too long is given up; it may be stored all the same, and is
        found then when it is sent again.
        """
        tasks = [asyncio.create_task(self._intake.take(alert)) for alert in alerts]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=self._limits.storing)
        finally:
            for task in tasks:
                task.cancel()
        late = f"it was not stored within {self._limits.storing:g} s"
        return [
            task.result()
            if task.done() and not task.cancelled()
            else Settled(alert.fingerprint, "Unavailable", "", late)
            for alert, task in zip(alerts, tasks, strict=True)
        ]


def _parsed(body: bytes) -> Notification:
    try:
        return parse(body)
    except Malformed as error:
        raise _Refused(400, "malformed", str(error)) from None


def _shown(item: Settled) -> dict[str, str]:
    shown = {"fingerprint": item.fingerprint, "result": item.result, "incident": item.incident, "error": item.error}
    return {key: value for key, value in shown.items() if value}


async def receive(
    settings: Settings, api: Api, metrics: Metrics, clock: Clock, stored: Callable[[Object], None]
) -> web.AppRunner | None:
    """Starts the receiver that the settings want, if they want one. ``stored`` is told what it created.

    Raises Unusable, and OSError when the address is taken.
    """
    if settings.receiver is None:
        return None
    tokens = TokenFile(settings.receiver_token_file) if settings.receiver_token_file else None
    context = None
    if settings.receiver_cert and settings.receiver_key:
        context = Certificate(settings.receiver_cert, settings.receiver_key).context
    territory = Territory(settings.alerts_namespace, settings.namespace or "", settings.home_namespace)
    limits = Limits(body=settings.receiver_body_limit)
    receiver = Receiver(Intake(api, territory, stored), tokens, metrics, clock, limits)
    host, port = split_address(settings.receiver)
    runner = web.AppRunner(receiver.app(), access_log=None, shutdown_timeout=_STOPPING)
    await runner.setup()
    await web.TCPSite(runner, host or None, port, ssl_context=context).start()
    for address in runner.addresses:
        log.info("alerts are received at %s://%s:%d%s", "https" if context else "http", address[0], address[1], PATH)
    return runner
