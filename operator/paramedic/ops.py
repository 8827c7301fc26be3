"""The operator's own endpoints: /healthz, /readyz and /metrics."""

from collections.abc import Callable

from aiohttp import web

from paramedic.metrics import Metrics

#: Says what is wrong; empty when nothing is.
Probe = Callable[[], str]


def ops_app(metrics: Metrics, healthy: Probe, ready: Probe) -> web.Application:
    """The web application. A probe that finds something wrong answers 503 with what it found."""

    async def answer_health(request: web.Request) -> web.Response:
        return _probe(healthy())

    async def answer_ready(request: web.Request) -> web.Response:
        return _probe(ready())

    async def answer_metrics(request: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.router.add_get("/healthz", answer_health)
    app.router.add_get("/readyz", answer_ready)
    app.router.add_get("/metrics", answer_metrics)
    return app


def _probe(complaint: str) -> web.Response:
    return web.Response(text=(complaint or "ok") + "\n", status=503 if complaint else 200)


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Starts serving. Raises OSError when the address is taken."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host or None, port).start()
    return runner
