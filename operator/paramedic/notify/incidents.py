"""Messages of one incident belong together: what services call it by, where they have a name for that."""

from typing import Any

from apprise.plugins.base import NotifyBase
from apprise.plugins.custom_form import NotifyForm
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.custom_xml import NotifyXML
from apprise.plugins.jira import NotifyJira
from apprise.plugins.opsgenie import NotifyOpsgenie
from apprise.plugins.pagerduty import NotifyPagerDuty
from apprise.plugins.splunk import NotifySplunk

from paramedic.notify.contract import Notice
from paramedic.notify.literal import clean, fit

_TEXT = 10_000  # of the 512 KB that an event may have


def identify(plugin: NotifyBase, notice: Notice) -> None:
    """Sets, on a plugin that is used for this message alone, the names of the incident and of the message."""
    if isinstance(plugin, NotifyJSON | NotifyXML | NotifyForm):
        _in_the_body(plugin, notice)
    elif isinstance(plugin, NotifyOpsgenie | NotifyJira):
        # An alert with the alias of an open one is added to it. Closing it would need a memory that is not ours.
        plugin.alias, plugin.action = plugin.alias or notice.thread, "new"
    elif isinstance(plugin, NotifySplunk):
        plugin.entity_id = notice.thread
    elif "dedup" in plugin.template_args:
        _by_key(plugin, notice)
    if isinstance(plugin, NotifyPagerDuty):
        _pagerduty(plugin, notice)


def _in_the_body(plugin: Any, notice: Notice) -> None:
    """Webhooks get the message's names in the body, and the key as a header that HTTP services know."""
    names = {
        "key": notice.key,
        "thread": notice.thread,
        "incident": notice.incident,
        "severity": notice.severity,
        "moment": notice.moment,
    }
    plugin.payload_extras = names | plugin.payload_extras
    plugin.headers = {"Idempotency-Key": notice.key} | plugin.headers


def _by_key(plugin: Any, notice: Notice) -> None:
    """The services that page people open one alert for a key, and resolve it at the end."""
    plugin.dedup = plugin.dedup or notice.thread
    if plugin.action == "trigger":
        plugin.action = "map"  # resolve when the type is success, else trigger


def _pagerduty(plugin: NotifyPagerDuty, notice: Notice) -> None:
    plugin.severity = plugin.severity or {"Critical": "critical", "Warning": "warning"}.get(notice.severity, "info")
    if plugin.source == plugin.template_tokens["source"]["default"]:
        plugin.source = notice.incident
    if plugin.component == plugin.template_tokens["component"]["default"]:
        plugin.component = "paramedic"
    details = {
        "text": fit(clean(notice.text), _TEXT, str),
        "incident": notice.incident,
        "severity": notice.severity,
        "key": notice.key,
    }
    plugin.details = details | plugin.details
