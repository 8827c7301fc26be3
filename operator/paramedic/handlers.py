"""kopf, as the shell: it watches, and tells us (namespace, name). Nothing is decided here.

Handlers of kopf's own kind (daemons, timers, on.create) would write annotations and finalizers on every object, and
run a step twice after a crash (measured); `on.event` writes nothing.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import kopf
from kubernetes.aio.client.configuration import Configuration

from paramedic.api.v1alpha1.base import GROUP, VERSION
from paramedic.cluster.rest import bearer_token

Noticed = Callable[[str, str | None, dict[str, Any]], None]
"""Called with the kind, the type of the event (None: seen at start) and the object."""


class Watch:
    """Watches Incidents and Playbooks, in a thread and an event loop of its own.

    Of its own, because kopf takes every task of its loop for its own when it stops, and installs signal handlers.
    """

    def __init__(self, configuration: Configuration, namespace: str | None, noticed: Noticed) -> None:
        """``noticed`` is called in the event loop that `run` is called from."""
        self._configuration, self._namespace, self._noticed = configuration, namespace, noticed
        self._ready, self._stop = threading.Event(), threading.Event()

    @property
    def ready(self) -> bool:
        """Whether the watch has begun."""
        return self._ready.is_set()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Watches until it is told to stop. Raises whatever ended it before."""
        loop = asyncio.get_running_loop()

        def noticed(kind: str, event: str | None, obj: dict[str, Any]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to take notice
                loop.call_soon_threadsafe(self._noticed, kind, event, obj)

        registry = kopf.OperatorRegistry()
        _register(registry, self._configuration, noticed)
        logging.getLogger("kopf").setLevel(logging.WARNING)
        logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)  # signals are the main thread's
        ended: asyncio.Future[None] = loop.create_future()

        def run() -> None:
            error: BaseException | None = None
            try:
                self._run_kopf(registry)
            except BaseException as found:
                error = found
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, ended, error)

        # A daemon: a process that has lost its lease must end, whatever a hung watch thinks of it.
        threading.Thread(target=run, name="watch", daemon=True).start()
        await ended

    def _run_kopf(self, registry: kopf.OperatorRegistry) -> None:
        where: dict[str, Any] = {"namespaces": [self._namespace]} if self._namespace else {"clusterwide": True}
        watching = kopf.operator(
            registry=registry,
            settings=_settings(),
            standalone=True,
            stop_flag=self._stop,
            ready_flag=self._ready,
            **where,
        )
        asyncio.run(watching)


def _settle(ended: "asyncio.Future[None]", error: BaseException | None) -> None:
    if ended.done():
        return
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # our own Events tell what was stored, not what was logged
    settings.scanning.disabled = True  # no rights on CustomResourceDefinitions and Namespaces are needed
    settings.watching.initial_streaming = True  # WatchList: the least memory (KEP-3157)
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 15
    settings.process.ultimate_exiting_timeout = None
    return settings


def _register(registry: kopf.OperatorRegistry, configuration: Configuration, noticed: Noticed) -> None:
    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=str(configuration.host),
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            token=await bearer_token(configuration),
        )

    @kopf.on.event(GROUP, VERSION, "incidents", registry=registry)
    async def incident(event: Any, **_: Any) -> None:
        noticed("Incident", event["type"], dict(event["object"]))

    @kopf.on.event(GROUP, VERSION, "playbooks", registry=registry)
    async def playbook(event: Any, **_: Any) -> None:
        noticed("Playbook", event["type"], dict(event["object"]))
