"""The part of a kubelet that answers `kubectl logs` for simulated Pods: an HTTPS server on loopback.

Run as `python3 -m cluster.kubelet STATE-FOLDER API-SERVER PORT`.
"""

from __future__ import annotations

import ssl
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import podlogs
from .api import ApiServer
from .pki import Authority

CALLER = "kube-apiserver-kubelet-client"
FOLLOW_POLL_SECONDS = 1.0


class Handler(BaseHTTPRequestHandler):
    """Serves GET /containerLogs/NAMESPACE/POD/CONTAINER and /healthz, to the API server alone."""

    def __init__(self, api: ApiServer, *arguments: Any) -> None:
        self._api = api
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Logs, or health."""
        if not self._caller_is_api_server():
            self._answer(403, "only the API server may ask")
            return
        parts = urlsplit(self.path)
        match parts.path.strip("/").split("/"):
            case ["healthz"]:
                self._answer(200, "ok")
            case ["containerLogs", namespace, pod, container]:
                self._logs(namespace, pod, container, parse_qs(parts.query))
            case _:
                self._refuse()

    def do_POST(self) -> None:
        """Exec, attach and port-forward: nothing runs here."""
        self._refuse()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Every request is in the audit log already."""

    def _refuse(self) -> None:
        self._answer(501, "simulated Pods have a status and logs, but nothing runs in them: use --real-node for this")

    def _logs(self, namespace: str, pod: str, container: str, query: dict[str, list[str]]) -> None:
        try:
            options = read_options(query, datetime.now(UTC))
            printed = self._read(namespace, pod, container, options.previous)
        except (podlogs.NoLogs, ValueError) as reason:
            self._answer(400, str(reason))
            return
        except OSError as error:
            self._answer(503, f"the API server does not answer: {error}")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(podlogs.render(printed, options))
        if query.get("follow") == ["true"]:
            self._follow(namespace, pod, container, printed)

    def _follow(self, namespace: str, pod: str, container: str, printed: list[podlogs.Line]) -> None:
        """Until this run of the container ends, the Pod goes, or the caller hangs up."""
        self.wfile.flush()
        self.connection.settimeout(FOLLOW_POLL_SECONDS)
        while True:
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                pass
            try:
                if self._read(namespace, pod, container, previous=False) != printed:
                    return
            except (podlogs.NoLogs, OSError):
                return

    def _read(self, namespace: str, pod: str, container: str, previous: bool) -> list[podlogs.Line]:
        status, answer = self._api.call("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}")
        if status != 200:
            raise podlogs.NoLogs(f'pod "{pod}" not found')
        return podlogs.lines(answer, container, previous)

    def _caller_is_api_server(self) -> bool:
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate = self.connection.getpeercert() or {}
        subject: Any = certificate.get("subject", ())
        return ("commonName", CALLER) in {pair for group in subject for pair in group}

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def read_options(query: dict[str, list[str]], now: datetime) -> podlogs.Options:
    """PodLogOptions from the query string."""
    values = {key: each[-1] for key, each in query.items()}
    since = now - timedelta(seconds=int(values["sinceSeconds"])) if "sinceSeconds" in values else None
    if "sinceTime" in values:
        since = datetime.fromisoformat(values["sinceTime"].replace("Z", "+00:00"))
    return podlogs.Options(
        previous=values.get("previous") == "true",
        timestamps=values.get("timestamps") == "true",
        tail=int(values["tailLines"]) if "tailLines" in values else None,
        limit_bytes=int(values["limitBytes"]) if "limitBytes" in values else None,
        since=since,
    )


class Server(ThreadingHTTPServer):
    """Shakes hands in the connection's own thread, so that a silent caller cannot block the others."""

    daemon_threads = True

    def __init__(self, port: int, api: ApiServer, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(("127.0.0.1", port), partial(Handler, api))

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Called in the new thread."""
        request.settimeout(30)
        with self._context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no error of ours; anything else goes to the log with its time."""
        error = sys.exception() if sys.version_info >= (3, 12) else sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError, ssl.SSLError)):
            print(time.strftime("%H:%M:%S"), repr(error), file=sys.stderr, flush=True)


def main(folder: Path, server: str, port: int) -> None:
    """Serves until it is ended."""
    authority = Authority(folder / "pki")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = authority.pair("kubelet")
    context.load_cert_chain(pair.certificate, pair.key)
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    api = ApiServer(server, authority.certificate, authority.pair("kwok"))
    Server(port, api, context).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
