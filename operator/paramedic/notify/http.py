"""HTTP of Apprise's plugins: through a `Wire`, without redirects, proxies or netrc, and with bounded answers.

Plugins call `requests.post` and its like, which make a session of their own. All of these go through one function,
and that one is replaced here, for deliveries alone: nothing else offers a way to say how they connect.
"""

import contextlib
import ssl
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import requests
from apprise.utils.http import HTTPPolicySession
from urllib3.exceptions import HTTPError

from paramedic.notify.wire import TOO_MANY, Exchange, Wire

_BODY = 64 * 1024
_plain_request = requests.request
_delivery: ContextVar["Session | None"] = ContextVar("delivery", default=None)


class Session(HTTPPolicySession):
    """Requests of one delivery; each of them is written down. ``ca_file`` is used instead of the usual authorities."""

    def __init__(self, wire: Wire, ca_file: str | None = None) -> None:
        super().__init__(wire)  # type: ignore[no-untyped-call]
        self._wire, self._ca_file = wire, ca_file

    def perform(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """One request; whatever the plugin asks for, without redirects."""
        kwargs |= {"allow_redirects": False, "stream": True}
        if self._ca_file and kwargs.get("verify", True) is True:
            kwargs["verify"] = self._ca_file
        return self.request(method, url, **kwargs)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if any(exchange.status == TOO_MANY for exchange in self._wire.exchanges):
            # When to try again is decided by who wrote the message down, not by a plugin that waits in a thread.
            raise requests.ConnectionError("the service asked for a pause")
        exchange = self._wire.begin(f"{parts.hostname}:{port}")
        answer: requests.Response | None = None
        try:
            answer = super().send(request, **kwargs)  # type: ignore[no-untyped-call]
            body = answer.raw.read(_BODY, decode_content=True)
        except (requests.RequestException, OSError) as error:
            _explain(exchange, error)
            raise
        except HTTPError as error:  # while the body was read: plugins only know the errors of requests
            exchange.error = "the connection was closed before the answer was whole"
            raise requests.ConnectionError("incomplete answer") from error
        finally:
            if answer is not None:
                answer.close()
        answer._content, answer._content_consumed = body, True
        exchange.status, exchange.retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        exchange.body = body[:1000].decode("utf-8", "replace")
        return answer


def _explain(exchange: Exchange, error: Exception) -> None:
    """Notes what went wrong, in words that do not hold the URL."""
    if problem := _handshake_problem(error):
        exchange.exposed = False
        exchange.error = problem
    elif isinstance(error, requests.Timeout):
        exchange.error = exchange.error or "timed out"
    elif not exchange.error:
        exchange.error = "the connection was closed"


def _handshake_problem(error: Exception) -> str:
    """Why TLS did not begin; empty when it did, or when that cannot be told."""
    seen: BaseException | None = error if isinstance(error, requests.exceptions.SSLError) else None
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate was not accepted: {seen.verify_message}"
        if isinstance(seen, ssl.SSLError):
            ended = isinstance(seen, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
            return "" if ended else f"TLS failed: {(seen.reason or 'no common version').replace('_', ' ').lower()}"
        reason = getattr(seen, "reason", None)
        nested = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        seen = reason if isinstance(reason, BaseException) else nested
    return ""


@contextlib.contextmanager
def carried_by(session: Session) -> Iterator[None]:
    """Within it, in this thread, what calls `requests` goes through this session."""
    requests.api.request = requests.request = _request  # type: ignore[assignment]
    token = _delivery.set(session)
    try:
        yield
    finally:
        _delivery.reset(token)
        session.close()


def _request(method: str, url: str, **kwargs: Any) -> requests.Response:
    session = _delivery.get()
    return session.perform(method, url, **kwargs) if session else _plain_request(method, url, **kwargs)
