"""Requests to a real API server, by the official asyncio client without its typed models: plain JSON in and out.

The typed APIs cost 4-8 s and 30 MiB at import and would hide fields that they do not know.
"""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config
from kubernetes.aio.config.kube_config import list_kube_config_contexts, load_kube_config
from pydantic_core import from_json

from paramedic import __version__
from paramedic.cluster.transport import ApiError, Request, Unavailable

USER_AGENT = f"paramedic/{__version__}"
_TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_AGAIN = frozenset({429, 500, 502, 503, 504})


class NoCluster(Exception):
    """There is no configuration that leads to a cluster. The text says what to give."""


def in_cluster() -> bool:
    """Whether this process runs in a Pod with a ServiceAccount token."""
    return _TOKEN_FILE.exists()


async def bearer_token(configuration: Configuration) -> str | None:
    """The token that requests carry now, refreshed where it must be; None where certificates are used."""
    found = (await configuration.auth_settings()).get("BearerToken")
    # "Bearer …" from a kubeconfig, "bearer …" from a Pod's token.
    return str(found["value"]).rpartition(" ")[2] if found and found.get("value") else None


async def connect(kubeconfig: str | None, context: str | None = None) -> Configuration:
    """The configuration of the named kubeconfig, of the Pod that this runs in, or of kubectl's own kubeconfig.

    Raises NoCluster.
    """
    configuration = Configuration()
    try:
        if kubeconfig is None and in_cluster():
            load_incluster_config(client_configuration=configuration)
        else:
            await load_kube_config(config_file=kubeconfig, context=context, client_configuration=configuration)
    except (ConfigException, OSError, ValueError) as error:
        where = kubeconfig or "the default kubeconfig"
        raise NoCluster(f"no cluster: {where}: {error}; name a kubeconfig with --kubeconfig FILE") from None
    # Proxies from the environment would see tokens and evidence; kubectl's own proxy-url in the kubeconfig is honoured.
    configuration.client_session_kwargs = {"trust_env": False}
    configuration.retries = None  # a repeated write is decided by the engine, never by the client
    return configuration


def namespace_of_context(kubeconfig: str | None, context: str | None) -> str:
    """The namespace that kubectl would use; `default` where the kubeconfig names none or cannot be read."""
    try:
        contexts, current = list_kube_config_contexts(config_file=kubeconfig)
    except (ConfigException, OSError, ValueError, TypeError):
        return "default"
    chosen = next((item for item in contexts if item["name"] == context), None) if context else current
    return str((chosen or {}).get("context", {}).get("namespace") or "default")


def contexts_of(kubeconfig: str | None) -> list[str]:
    """The names of the contexts; none where the kubeconfig cannot be read."""
    try:
        contexts, _ = list_kube_config_contexts(config_file=kubeconfig)
    except (ConfigException, OSError, ValueError, TypeError):
        return []
    return [str(item["name"]) for item in contexts]


class RestTransport:
    """A connection pool to one API server. ``seen`` is told each request's method, path and HTTP status (0: none).
    ``user`` is whom requests that name no account act as; empty for the user of the configuration.
    """

    def __init__(
        self, configuration: Configuration, seen: Callable[[str, str, int], None] | None = None, *, user: str = ""
    ) -> None:
        self._client = ApiClient(configuration)
        self._host = str(configuration.host).rstrip("/")
        self._seen = seen or (lambda method, path, status: None)
        self._user = user

    async def send(self, request: Request) -> Any:
        answer = await self._begin(request, aiohttp.ClientTimeout(total=request.timeout))
        try:
            data = await answer.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unavailable(request, error) from None
        self._seen(request.method, request.path, answer.status)
        return _content(request, answer.status, data)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        """The JSON values of an answer that goes on, such as a watch, one a line, until the server ends it. Raises
        ApiError and Unavailable; ``request.timeout`` is how long the connection may take, and how long it may be silent.
        """
        timeout = aiohttp.ClientTimeout(sock_connect=request.timeout, sock_read=request.timeout)
        answer = await self._begin(request, timeout)
        try:
            if answer.status >= 400:
                _content(request, answer.status, await answer.read())
            async for line in answer.response.content:
                yield json.loads(line)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise self._unavailable(request, error) from None
        finally:
            answer.response.close()

    def _unavailable(self, request: Request, error: Exception) -> Unavailable:
        self._seen(request.method, request.path, 0)
        return Unavailable(f"{request.method} {request.path}: {error or type(error).__name__}")

    async def _begin(self, request: Request, timeout: aiohttp.ClientTimeout) -> Any:
        """The answer, of which nothing but status and headers has been read."""
        url = self._host + request.path + ("?" + urlencode(request.query) if request.query else "")
        headers = {"Accept": "*/*" if request.raw else "application/json", "User-Agent": USER_AGENT}
        headers["Content-Type"] = request.content_type
        if user := request.account or self._user:
            headers["Impersonate-User"] = user
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], request.path, request.method, None)
        try:
            return await self._client.rest_client.request(
                request.method, url, headers=headers, body=request.body, _request_timeout=timeout
            )
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unavailable(request, error) from None

    async def close(self) -> None:
        await self._client.close()


def _content(request: Request, status: int, data: bytes) -> Any:
    if status < 400:
        # Faster than the standard library's, and replies are what this process reads most.
        return data if request.raw else from_json(data, cache_strings="keys") if data else {}
    try:
        told = from_json(data)
    except ValueError:
        told = {}
    message = told.get("message") or data[:300].decode(errors="replace")
    if status in _AGAIN:
        raise Unavailable(f"{request.method} {request.path}: {status} {message}")
    raise ApiError(status, told.get("reason") or "", message)
