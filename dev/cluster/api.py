"""The few calls that we make to the API server."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .errors import LocalkindError
from .pki import Pair

TIMEOUT_SECONDS = 5.0


class ApiServer:
    """An API server, called with a client certificate. A new connection for each call: they are few."""

    def __init__(self, server: str, authority: Path, user: Pair) -> None:
        parts = urlsplit(server)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._context = ssl.create_default_context(cafile=str(authority))
        self._context.load_cert_chain(user.certificate, user.key)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status and the decoded answer (text where it is not JSON). Raises OSError when nobody answers."""
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_SECONDS, context=self._context)
        try:
            payload = json.dumps(body) if body is not None else None
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except http.client.HTTPException as error:
            raise OSError(f"broken answer from {self._host}:{self._port}: {error!r}") from error
        finally:
            connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def create(self, path: str, body: object) -> None:
        """Creates an object; one that is there already is fine. Raises LocalkindError when it is refused."""
        status, answer = self.call("POST", path, body)
        if status not in (200, 201, 202, 409):
            raise LocalkindError(f"the API server refused POST {path} with {status}: {answer}")

    def healthy(self, path: str = "/readyz") -> bool:
        """Whether the endpoint answers 200. Raises LocalkindError when its certificate is wrong: waiting cannot help."""
        try:
            return self.call("GET", path)[0] == 200
        except ssl.SSLCertVerificationError as error:
            raise LocalkindError(f"the API server's certificate is refused: {error.verify_message}") from error
        except OSError:
            return False
