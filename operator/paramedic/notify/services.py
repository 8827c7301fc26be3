"""Which services a channel's URL may name, and why not the others.

Allowed is what Apprise reaches by HTTP, and mail: their connections are guarded (`wire.py`). The rest acts on the
machine itself, reads its files, or opens connections of its own.
"""

import logging
import re
import sys
from typing import Any

import apprise
from apprise.apprise_attachment import AppriseAttachment
from apprise.manager_plugins import NotificationManager
from apprise.plugins.base import NotifyBase
from apprise.plugins.email import NotifyEmail

#: Speak HTTP, but not that alone: keys in files, or connections that no guard sees.
_REFUSED = frozenset({"vapid", "nostr"})
_SCHEME = re.compile(r"[a-z][a-z0-9]{0,31}", re.ASCII)
_SUPPORTED = "use a service with an HTTP API, such as slack://, pagerduty:// or json://, or mail: mailtos://"
_EXAMPLE = "write SERVICE://…, such as slack://TOKEN_A/TOKEN_B/TOKEN_C/"
#: Options that every plugin has, and that would turn plain text into markup, or one message into many.
_IGNORED = frozenset({"format", "overflow", "emojis", "retry", "wait", "optional", "redirect", "store"})
_NAMES = {
    "custom_form": "Webhook",
    "custom_json": "Webhook",
    "custom_xml": "Webhook",
    "email": "Mail",
    "pagerduty": "PagerDuty",
    "workflows": "Teams",
}
_ASSET = apprise.AppriseAsset(
    app_id="paramedic", app_desc="paramedic", app_url="", image_url_mask="", image_url_logo="", async_mode=False,
    http_redirects=False, interpret_emojis=False, interpret_escapes=False, pgp_autogen=False, pem_autogen=False,
    storage_mode="memory", service_timeout=0,
)  # fmt: skip


class Refused(ValueError):
    """A URL that cannot be used. The text says why and what to do, without a part of the URL but its scheme."""


def plugin_of(url: str) -> NotifyBase:
    """The Apprise plugin that a URL describes. No network. Raises Refused."""
    _keep_quiet()
    url = url.strip()
    if not url.isprintable() or any(char.isspace() for char in url):
        raise Refused("the value holds a space or a control character; a channel is one URL on one line")
    found = _parsed(url)
    scheme = str(found["schema"]) if found else _scheme(url)
    _check_service(scheme)
    plugin = apprise.Apprise.instantiate(found, asset=_ASSET) if found else None
    if plugin is None:
        raise Refused(f"not a usable {scheme}:// URL; its form is {_form(scheme)}")
    _check_options(plugin)
    return plugin


def kind_of(plugin: NotifyBase) -> str:
    """The service, by the name of its module in Apprise, such as `slack` or `custom_json`."""
    return type(plugin).__module__.split(".")[2]


def name_of(plugin: NotifyBase) -> str:
    """The service, as people call it."""
    return _NAMES.get(kind_of(plugin)) or str(plugin.service_name)


def why_refused(url: str) -> str:
    """Why no message could be sent to this URL; empty when it can be used. No network."""
    try:
        plugin_of(url)
    except Refused as error:
        return str(error)
    return ""


def _parsed(url: str) -> dict[str, Any]:
    """The URL as Apprise reads it; empty when it cannot."""
    try:
        found: dict[str, Any] = apprise.plugins.url_to_dict(url) or {}
    except Exception:  # a plugin that stumbles over its URL; the exception would quote it
        return {}
    return {name: value for name, value in found.items() if name not in _IGNORED}


def _scheme(url: str) -> str:
    scheme, found, _ = url.partition("://")
    scheme = scheme.lower()
    if not found or not _SCHEME.fullmatch(scheme):
        raise Refused(f"not an Apprise URL; {_EXAMPLE}")
    if scheme in ("http", "https"):
        raise Refused(
            f"{scheme}:// is no service that Apprise knows; for a webhook of your own use json{scheme[4:]}://HOST/PATH"
        )
    return scheme


def _check_service(scheme: str) -> None:
    if scheme not in _plugins():
        raise Refused(f"{scheme}:// is no service that Apprise knows; {_SUPPORTED}")
    plugin = _plugins()[scheme]
    if scheme in _REFUSED or not (plugin is NotifyEmail or _speaks_http(plugin)):
        raise Refused(f"{scheme}:// is not allowed, as it does more than send an HTTP request or a mail; {_SUPPORTED}")
    if not plugin.enabled:
        raise Refused(f"{scheme}:// needs a Python package that is not installed; {_SUPPORTED}")


def _check_options(plugin: NotifyBase) -> None:
    if any(isinstance(value, AppriseAttachment) and len(value) for value in vars(plugin).values()):
        raise Refused(
            "options that name a file or another URL to read (template=, keyfile=) are not allowed; leave them out"
        )
    if not 0 < (plugin.port or 1) < 65536:
        raise Refused(f"{plugin.port} is no port; write one from 1 to 65535")
    if isinstance(plugin, NotifyEmail):
        if plugin.pgp_mode != "no" or plugin.use_wkd:
            raise Refused("pgp= and wkd= are not supported; leave them out")
        if not plugin.targets:
            raise Refused("no recipient is a mail address; write ?to=NAME@DOMAIN")


def _speaks_http(plugin: type[NotifyBase]) -> bool:
    modules = {cls.__module__ for cls in plugin.__mro__ if cls.__module__.startswith("apprise.plugins.")}
    return any("requests" in vars(sys.modules[name]) for name in modules)


def _form(scheme: str) -> str:
    templates: Any = _plugins()[scheme].templates
    return str(next(iter(templates), "{schema}://…")).replace("{schema}", scheme)


def _plugins() -> NotificationManager:
    return NotificationManager()  # a singleton


def _keep_quiet() -> None:
    """Apprise logs URLs and messages, urllib3 logs paths, and both hold secrets."""
    logging.getLogger("apprise").disabled = True
    logging.getLogger("urllib3").setLevel(logging.WARNING)
