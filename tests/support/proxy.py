"""A proxy between the operator and the API server that counts the operator's writes and strikes at one of them.

The operator talks plain HTTP to it on loopback; it passes everything on with the kubeconfig's own credentials. Watches
are streamed. What counts as a write is what the protocol is about: not Leases, Events, access reviews or dry runs.
"""

import asyncio
import base64
import contextlib
import json
import ssl
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp
import yaml
from aiohttp import web

Moment = Literal["before", "after"]
_NOT_COUNTED = ("/leases", "/events", "subjectaccessreviews", "selfsubjectreviews")


@dataclass(frozen=True)
class Write:
    """One write that passed."""

    method: str
    path: str
    account: str
    status: int


class FaultProxy:
    """``strike`` is called at the write with this number (from 1), before it is passed on or after it was answered."""

    def __init__(self, kubeconfig: str) -> None:
        self._kubeconfig = yaml.safe_load(Path(kubeconfig).read_text())
        self.writes: list[Write] = []
        self._count = 0
        self._strike: tuple[int, Moment, Callable[[], None]] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._folder = tempfile.TemporaryDirectory()
        self.port = 0

    def start(self) -> "FaultProxy":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._folder.cleanup()

    @property
    def struck(self) -> bool:
        """Whether the strike that was armed has happened."""
        return self._strike is None

    def arm(self, number: int, moment: Moment, strike: Callable[[], None]) -> None:
        """Strikes once, at this write from now on."""
        self._count, self._strike = 0, (number, moment, strike)

    def cut(self) -> None:
        """Answers nothing any more: every connection is closed, and new ones are not taken."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)

    def disarm(self) -> None:
        self._strike = None

    def kubeconfig(self) -> str:
        """A kubeconfig that leads here."""
        path = Path(self._folder.name) / "kubeconfig"
        cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}
        content = {
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [cluster],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }  # fmt: skip
        path.write_text(json.dumps(content))
        return str(path)

    async def _serve(self) -> None:
        context = next(
            item for item in self._kubeconfig["contexts"] if item["name"] == self._kubeconfig["current-context"]
        )
        named = {kind: context["context"][kind] for kind in ("cluster", "user")}
        cluster = next(i["cluster"] for i in self._kubeconfig["clusters"] if i["name"] == named["cluster"])
        user = next(i["user"] for i in self._kubeconfig["users"] if i["name"] == named["user"])
        self._server = cluster["server"]
        connector = aiohttp.TCPConnector(ssl=self._tls(cluster, user), limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        app = web.Application(client_max_size=4 << 20)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    def _tls(self, cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
        files = {}
        data = {
            "ca": cluster["certificate-authority-data"],
            "crt": user["client-certificate-data"],
            "key": user["client-key-data"],
        }
        for name, content in data.items():
            files[name] = Path(self._folder.name) / name
            files[name].write_bytes(base64.b64decode(content))
        context = ssl.create_default_context(cafile=str(files["ca"]))
        context.load_cert_chain(str(files["crt"]), str(files["key"]))
        return context

    async def _end(self) -> None:
        await self._runner.cleanup()
        await self._session.close()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.25)  # for TLS to say goodbye: aiohttp closes its connections without waiting for that

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        counted = self._counts(request)
        if counted:
            self._count += 1
            self._maybe_strike("before", self._count)
        number = self._count
        dropped = {"Host", "Content-Length", "Accept-Encoding"}
        headers = {key: value for key, value in request.headers.items() if key not in dropped}
        body = await request.read()
        url = self._server + request.raw_path
        async with self._session.request(
            request.method, url, headers=headers, data=body or None, skip_auto_headers=["Content-Type", "Accept"]
        ) as answer:
            whole: bytes | None = None
            if counted:
                account = request.headers.get("Impersonate-User", "")
                self.writes.append(Write(request.method, request.path, account, answer.status))
                whole = await answer.read()
                self._maybe_strike("after", number)
            if request.transport is None or request.transport.is_closing():
                raise web.HTTPServiceUnavailable(text="the operator is gone")
            kept = {"Content-Type": answer.headers.get("Content-Type", "application/json")}
            response = web.StreamResponse(status=answer.status, headers=kept)
            with contextlib.suppress(ConnectionError):  # the operator was killed meanwhile
                await response.prepare(request)
                if whole is not None:
                    await response.write(whole)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response

    def _counts(self, request: web.Request) -> bool:
        if request.method in ("GET", "HEAD", "OPTIONS") or "dryRun" in request.query:
            return False
        return not any(part in request.path for part in _NOT_COUNTED)

    def _maybe_strike(self, moment: Moment, number: int) -> None:
        if self._strike is not None and self._strike[:2] == (number, moment):
            strike, self._strike = self._strike[2], None
            strike()
            raise web.HTTPServiceUnavailable(text="struck")
