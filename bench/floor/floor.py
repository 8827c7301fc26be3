"""The Go floor once more, with the libraries that paramedic stands on: what Python itself costs."""

import argparse
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from aiohttp import web

USER_AGENT = "paramedic-bench-python-floor"
PARALLEL = 64  # requests to the API server under way


class Floor:
    """A webhook that restarts what an alert names with one PATCH, and remembers nothing."""

    def __init__(self, server: str, tls: ssl.SSLContext, token: str) -> None:
        self._server, self._tls, self._token = server, tls, token
        self._session: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.cleanup_ctx.append(self._connected)
        app.router.add_post("/{path:.*}", self._answer)
        app.router.add_get("/{path:.*}", self._up)
        return app

    async def _connected(self, _: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=PARALLEL)
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": USER_AGENT}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as self._session:
            yield

    async def _up(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _answer(self, request: web.Request) -> web.Response:
        received = await request.json()
        for alert in received["alerts"]:
            status = await self._restart(alert["labels"]["namespace"], alert["labels"]["deployment"])
            if status >= 300:
                return web.Response(status=503, text=f"the API server answered {status}")
        return web.Response()

    async def _restart(self, namespace: str, name: str) -> int:
        assert self._session is not None
        moment = datetime.now(UTC).isoformat()
        annotations = {"kubectl.kubernetes.io/restartedAt": moment}
        async with self._session.patch(
            f"{self._server}/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
            json={"spec": {"template": {"metadata": {"annotations": annotations}}}},
            headers={"Content-Type": "application/merge-patch+json"},
        ) as answer:
            await answer.read()
            return answer.status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("listen", "server", "ca", "token"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    tls = ssl.create_default_context(cafile=options.ca)
    token = Path(options.token).read_text()
    host, _, port = options.listen.rpartition(":")
    web.run_app(Floor(options.server, tls, token).app(), host=host, port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main()
