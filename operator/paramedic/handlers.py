"""kopf, as the shell: it watches, and tells us (namespace, name). Nothing is decided here.

Handlers of kopf's own kind (daemons, timers, on.create) would write annotations and finalizers on every object, and
run a step twice after a crash (measured); `on.event` writes nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import kopf
from kubernetes.aio.client.configuration import Configuration

from paramedic.api.v1alpha1.base import GROUP, VERSION
from paramedic.cluster.rest import bearer_token

Noticed = Callable[[str, str | None, dict[str, Any]], None]
"""Called with the kind, the type of the event (None: seen at start) and the object."""


async def watch(
    configuration: Configuration,
    namespace: str | None,
    noticed: Noticed,
    stop: asyncio.Event,
    ready: asyncio.Event,
) -> None:
    """Watches Incidents and Playbooks until it is told to stop. ``ready`` is set once it runs."""
    registry = kopf.OperatorRegistry()
    settings = _settings()
    _register(registry, configuration, noticed)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    where: dict[str, Any] = {"namespaces": [namespace]} if namespace else {"clusterwide": True}
    await kopf.operator(
        registry=registry, settings=settings, standalone=True, stop_flag=stop, ready_flag=ready, **where
    )


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
