"""What each service gets: the text, literally; the incident's names; within its limits."""

from typing import Any

import pytest

from component.notify.notices import HOSTILE, NOTICE, notice
from paramedic.notify.apprise_notifier import AppriseNotifier
from support.sinks import URLS, Sinks

#: What would render or call somebody, by service. Nothing of this may be in what the service gets.
LIVE = {
    "slack": ["<!", "<@", "<b>", "<http", "@here"],
    "discord": ["@here", "@everyone", "<@", " *b*", " _c_", " `d`", "~e~", "||f", " <b>", "\n#", "\n>", "[h]"],
    "teams": [" *b*", " _c_", "[h]", "<at>", "\n#"],
    "telegram": ["<b>g", "<!", "<@", "<at>"],
    "gchat": ["<users/all", " *b*", " _c_", "`d` ", "<http"],
    "mattermost": ["@here", "@channel", " *b*", " _c_", " `d`", "~e~", " <b>", "\n#", "[h]"],
}


def texts(body: Any) -> list[str]:
    """Every string in a body, keys aside."""
    if isinstance(body, str):
        return [body]
    items = body.values() if isinstance(body, dict) else body if isinstance(body, list) else []
    return [text for item in items for text in texts(item)]


@pytest.mark.parametrize("service", sorted(LIVE))
@pytest.mark.parametrize("option", ["", "?format=markdown", "?format=html", "?format=text", "?emojis=yes"])
async def test_what_others_wrote_is_shown_literally(
    service: str, option: str, sinks: Sinks, notifier: AppriseNotifier
) -> None:
    one_line = HOSTILE.replace("\n", " ")
    await notifier.send(URLS[service] + option, notice(title=one_line, text=HOSTILE))
    sent = "\n".join(texts(sinks.bodies(service)[0]))
    assert "evil.example" in sent
    assert [live for live in LIVE[service] if live in sent] == []


async def test_machines_get_the_text_as_it_is(sinks: Sinks, notifier: AppriseNotifier) -> None:
    await notifier.send(sinks.webhook, notice(text=HOSTILE))
    await notifier.send(URLS["pagerduty"], notice(text=HOSTILE))
    assert sinks.bodies("webhook")[0]["message"] == HOSTILE
    assert sinks.bodies("pagerduty")[0]["payload"]["custom_details"]["text"] == HOSTILE


@pytest.mark.parametrize("service", sorted(URLS))
async def test_a_long_message_is_cut_and_not_split(service: str, sinks: Sinks, notifier: AppriseNotifier) -> None:
    answer = await notifier.send(URLS[service], notice(title="t*" * 300, text="<*> " * 20_000))
    assert answer.state == "Sent"
    assert len(sinks.received) == 1
    assert any("…" in text for text in texts(sinks.received[0].body))


@pytest.mark.parametrize("option", ["?overflow=split", "?blocks=yes"])
async def test_options_of_the_url_do_not_make_a_flood(option: str, sinks: Sinks, notifier: AppriseNotifier) -> None:
    answer = await notifier.send(URLS["slack"] + option, notice(title="t" * 300, text="x & y " * 10_000))
    assert (answer.state, len(sinks.received)) == ("Sent", 1)


async def test_a_webhook_gets_the_names_of_the_incident_and_the_message(
    sinks: Sinks, notifier: AppriseNotifier
) -> None:
    await notifier.send(sinks.webhook, notice(moment="Update", severity="Warning"))
    received = sinks.received[0]
    assert {name: received.body[name] for name in ("key", "thread", "incident", "severity", "moment", "type")} == {
        "key": NOTICE.key,
        "thread": NOTICE.thread,
        "incident": "shop/checkout-down",
        "severity": "Warning",
        "moment": "Update",
        "type": "warning",
    }
    assert received.headers["Idempotency-Key"] == NOTICE.key


async def test_own_fields_and_headers_of_a_webhook_are_kept(sinks: Sinks, notifier: AppriseNotifier) -> None:
    await notifier.send(sinks.webhook + "?:team=shop&:severity=P1&+X-Token=abcdefgh", notice())
    received = sinks.received[0]
    assert (received.body["team"], received.body["severity"], received.headers["X-Token"]) == ("shop", "P1", "abcdefgh")


async def test_messages_of_one_incident_are_one_alert_in_pagerduty(sinks: Sinks, notifier: AppriseNotifier) -> None:
    for moment in ("Open", "Update"):
        await notifier.send(URLS["pagerduty"], notice(moment=moment, key=f"key-of-{moment}"))
    assert sinks.alerts == {NOTICE.thread: "open"}
    await notifier.send(URLS["pagerduty"], notice(moment="End"))
    assert sinks.alerts == {NOTICE.thread: "resolved"}


async def test_pagerduty_gets_headline_severity_and_source(sinks: Sinks, notifier: AppriseNotifier) -> None:
    await notifier.send(URLS["pagerduty"], notice(severity="Warning"))
    payload = sinks.bodies("pagerduty")[0]["payload"]
    assert (payload["summary"], payload["severity"]) == ("Checkout answers 502", "warning")
    assert (payload["source"], payload["component"]) == ("shop/checkout-down", "paramedic")
    assert payload["custom_details"]["text"] == "Waiting for approval of rollback."


async def test_two_incidents_are_two_alerts(sinks: Sinks, notifier: AppriseNotifier) -> None:
    for thread in ("uid-1", "uid-2"):
        await notifier.send(URLS["pagerduty"], notice(thread=thread))
    assert sinks.alerts == {"uid-1": "open", "uid-2": "open"}


async def test_no_picture_of_another_site_is_linked(sinks: Sinks, notifier: AppriseNotifier) -> None:
    for service in sorted(URLS):
        await notifier.send(URLS[service] + "?image=yes&avatar=yes", notice())
    assert "github" not in str([received.body for received in sinks.received])


@pytest.mark.parametrize(
    "url",
    [
        "incidentio://sourceid/token0000",
        "ilert://apikey000",
        "squadcast://webhooktoken0",
        "opsgenie://00000000-0000-0000-0000-000000000000",
        "splunk://routekey@00000000-0000-0000-0000-000000000000",
    ],
)
async def test_services_that_page_get_the_incident_as_their_key(
    url: str, sinks: Sinks, notifier: AppriseNotifier
) -> None:
    await notifier.send(url, notice())
    assert NOTICE.thread in texts(sinks.received[0].body)


@pytest.mark.parametrize("text", ["", "\x00\x1b\u202e", "\ud800", "\n\n", "💥" * 3000])
async def test_odd_text_arrives_as_what_is_left_of_it(text: str, sinks: Sinks, notifier: AppriseNotifier) -> None:
    for service in sorted(URLS):
        assert (await notifier.send(URLS[service], notice(text=text))).state == "Sent"
