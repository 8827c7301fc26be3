"""Which URLs can be used, and what is said of the others."""

import sys

import pytest
from apprise.manager_plugins import NotificationManager
from hypothesis import given
from hypothesis import strategies as st

from paramedic.notify.services import why_refused
from support.sinks import URLS

TOO_MUCH = "{}:// is not allowed, as it does more than send an HTTP request or a mail; use a service with an HTTP API, such as slack://, pagerduty:// or json://, or mail: mailtos://"


@pytest.mark.parametrize(
    "url", [*URLS.values(), "json://h.example/path", "mailtos://user:password@example.com?to=ops@example.com"]
)
def test_services_with_an_http_api_and_mail_can_be_used(url: str) -> None:
    assert why_refused(url) == ""


def test_the_url_that_a_service_shows_can_be_used_as_it_is() -> None:
    assert why_refused("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ") == ""


def test_a_line_break_at_the_end_of_a_secret_does_no_harm() -> None:
    assert why_refused(URLS["slack"] + "\n") == ""


@pytest.mark.parametrize("scheme", ["dbus", "gnome", "glib", "kde", "windows", "macosx", "syslog", "blink1"])
def test_what_acts_on_the_machine_itself_is_refused(scheme: str) -> None:
    assert why_refused(f"{scheme}://") == TOO_MUCH.format(scheme)


@pytest.mark.parametrize(
    "scheme", ["mqtt", "irc", "xmpp", "amqp", "rsyslog", "smpp", "growl", "aprs", "nostr", "vapid", "deltachat"]
)
def test_what_opens_connections_of_its_own_or_reads_files_is_refused(scheme: str) -> None:
    assert why_refused(f"{scheme}://user:pass@h.example/x") == TOO_MUCH.format(scheme)


def test_no_service_of_apprise_is_allowed_that_sends_with_anything_but_requests() -> None:
    known = NotificationManager()
    allowed = [scheme for scheme in known.schemas() if "is not allowed" not in why_refused(f"{scheme}://")]
    modules = {known[scheme].__module__ for scheme in allowed} - {"apprise.plugins.email.base"}
    means = {
        name
        for module in modules
        for name in ("socket", "smtplib", "subprocess", "ctypes")
        if hasattr(sys.modules[module], name)
    }
    assert len(allowed) > 100 and means == set()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "not an Apprise URL; write SERVICE://…, such as slack://TOKEN_A/TOKEN_B/TOKEN_C/"),
        ("xoxb-secret-token", "not an Apprise URL; write SERVICE://…, such as slack://TOKEN_A/TOKEN_B/TOKEN_C/"),
        ("slak://a/b/c", "slak:// is no service that Apprise knows; use a service with an HTTP API, such as slack://, pagerduty:// or json://, or mail: mailtos://"),
        ("slack://only-one", "not a usable slack:// URL; its form is slack://{token_a}/{token_b}/{token_c}"),
        ("https://h.example/hook", "https:// is no service that Apprise knows; for a webhook of your own use jsons://HOST/PATH"),
        ("json://h.example/a b", "the value holds a space or a control character; a channel is one URL on one line"),
        ("json://h.example:99999/", "99999 is no port; write one from 1 to 65535"),
        ("mailto://user:pass@example.com?to=nobody", "no recipient is a mail address; write ?to=NAME@DOMAIN"),
        ("mailto://user:pass@example.com?pgp=sign", "pgp= and wkd= are not supported; leave them out"),
        ("discord://1234567890/token?template=/etc/passwd", "options that name a file or another URL to read (template=, keyfile=) are not allowed; leave them out"),
        ("fcm://project/device?keyfile=/var/run/secrets/kubernetes.io/serviceaccount/token", "options that name a file or another URL to read (template=, keyfile=) are not allowed; leave them out"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_write_instead(url: str, why: str) -> None:
    assert why_refused(url) == why


def test_a_refusal_quotes_nothing_of_the_url_but_its_scheme() -> None:
    assert "s3cr3ttoken" not in why_refused("slack://s3cr3ttoken") + why_refused("s3cr3ttoken://x y") + why_refused(
        "s3cr3ttoken"
    )


@given(
    st.one_of(
        st.text(max_size=60),
        st.builds("{}://{}".format, st.sampled_from(sorted(NotificationManager().schemas())), st.text(max_size=60)),
    )
)
def test_any_value_gets_an_answer(url: str) -> None:
    assert isinstance(why_refused(url), str)
