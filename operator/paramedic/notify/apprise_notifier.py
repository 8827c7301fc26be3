"""The notifier for everything that Apprise knows. Apprise blocks, so each message has a thread and a deadline."""

import contextlib
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import apprise
from apprise.common import NotifyFormat, NotifyType, OverflowMode
from apprise.plugins.base import NotifyBase
from apprise.plugins.email import NotifyEmail

from paramedic.model.addresses import AddressGuard
from paramedic.model.deliveries import Delivery
from paramedic.notify import mail
from paramedic.notify.contract import Notice
from paramedic.notify.http import Session, carried_by
from paramedic.notify.incidents import identify
from paramedic.notify.literal import render
from paramedic.notify.redaction import quoted
from paramedic.notify.services import Refused, kind_of, name_of, plugin_of
from paramedic.notify.verdict import Quote, judge, judge_error, judge_silence
from paramedic.notify.wire import TOO_MANY, Resolver, Wire, resolve
from paramedic.notify.workers import Busy, Workers

_CONNECT_SECONDS = 5.0
_PATIENCE = 0.9  # of the deadline: what ends by itself can say how far it came
_PAUSE_SECONDS = 0.5  # Apprise's usual pause is longer than the deadline


class AppriseNotifier:
    """Sends to Apprise URLs within ``seconds``. ``ca_file``: whom to trust instead of the usual authorities."""

    def __init__(
        self,
        guard: AddressGuard | None = None,
        *,
        seconds: float = 10.0,
        ca_file: str | None = None,
        resolver: Resolver = resolve,
        workers: Workers | None = None,
    ) -> None:
        self._guard = guard or AddressGuard(asker="channel")
        self._seconds, self._ca_file, self._resolver = seconds, ca_file, resolver
        self._workers = workers or Workers()

    async def send(self, url: str, notice: Notice) -> Delivery:
        """Sends it once. Never raises, and answers within the given seconds."""
        try:
            plugin = plugin_of(url)
        except Refused as error:
            return Delivery("Failed", str(error), final=True)
        service, wire = name_of(plugin), Wire(self._guard, self._resolver)
        carry = self._mail if isinstance(plugin, NotifyEmail) else self._post
        with _ended(wire):
            try:
                call = partial(carry, wire, plugin, notice, partial(quoted, url=url))
                return await self._workers.run(_lane(plugin), call, self._seconds)
            except Busy:
                return Delivery(
                    "Failed",
                    f"{service}: too many messages are under way to it; none was answered within {self._seconds:g} s",
                )
            except TimeoutError:
                return judge_silence(service, wire.abandon(), self._seconds)
            except Exception as error:
                # A bug of a plugin or of ours. Its text may hold the URL; how far it came is told by the wire.
                return judge_error(service, error, wire.exchanges, partial(quoted, url=url))

    def _mail(self, wire: Wire, plugin: NotifyBase, notice: Notice, quote: Quote) -> Delivery:
        return mail.send(wire, plugin, notice, self._seconds * _PATIENCE, self._ca_file, quote)

    def _post(self, wire: Wire, plugin: NotifyBase, notice: Notice, quote: Quote) -> Delivery:
        _set_limits(plugin, self._seconds * _PATIENCE, wire)
        rendered = render(plugin, notice)
        identify(plugin, notice)
        errors = _errors_of(plugin)
        sender = apprise.Apprise(asset=plugin.asset)
        sender.add(plugin)
        with carried_by(Session(wire, self._ca_file)):
            accepted = sender.notify(
                body=rendered.text, title=rendered.title, notify_type=_type(notice), body_format=NotifyFormat.TEXT
            )
        if errors:
            raise errors[0]
        return judge(name_of(plugin), bool(accepted), wire.exchanges, len(plugin), quote)


def _set_limits(plugin: Any, seconds: float, wire: Wire) -> None:
    """One attempt, within the time, one message: whatever options the URL has."""

    def pause(last_io: object = None, wait: object = None) -> None:
        """Between the recipients of one URL. A service that wants a longer pause is asked by another attempt."""
        if wire.exchanges and wire.exchanges[-1].status != TOO_MANY:
            time.sleep(_PAUSE_SECONDS)

    plugin.retry, plugin.optional, plugin.redirects = 0, False, False
    plugin.overflow_mode = OverflowMode.TRUNCATE
    plugin.socket_connect_timeout = min(_CONNECT_SECONDS, seconds)
    plugin.socket_read_timeout = seconds
    plugin.throttle = pause


def _errors_of(plugin: Any) -> list[Exception]:
    """What it will raise. Apprise makes a mere no of that, which a service never said."""
    raised: list[Exception] = []
    notify = plugin.notify

    def noting(*args: Any, **kwargs: Any) -> Any:
        try:
            return notify(*args, **kwargs)
        except Exception as error:
            raised.append(error)
            raise

    plugin.notify = noting
    return raised


def _type(notice: Notice) -> NotifyType:
    if notice.moment == "End":
        return NotifyType.SUCCESS
    return {"Critical": NotifyType.FAILURE, "Warning": NotifyType.WARNING}.get(notice.severity, NotifyType.INFO)


def _lane(plugin: NotifyBase) -> str:
    """What hangs together: one host of the user's, or all of a hosted service."""
    if isinstance(plugin, NotifyEmail):
        return f"{plugin.smtp_host}:{plugin.port}"
    kind = kind_of(plugin)
    return f"{kind}:{plugin.host}:{plugin.port}" if "host" in plugin.template_tokens else kind


@contextlib.contextmanager
def _ended(wire: Wire) -> Iterator[None]:
    """Also when the caller is cancelled, nothing is sent afterwards."""
    try:
        yield
    finally:
        wire.abandon()
