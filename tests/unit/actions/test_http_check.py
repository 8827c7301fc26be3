"""httpCheck asks one address and compares the answer."""

from typing import Any

import pytest

from paramedic.actions.contract import Failed, Finished
from paramedic.actions.reads import HttpAnswer, HttpGet
from unit.acting import expect, prepare, refused
from unit.seen import World

URL = "http://checkout.shop:8080/healthz"


def check(answer: HttpAnswer, **params: Any) -> object:
    return prepare("httpCheck", World(http=answer), **{"url": URL} | params)


def asked(**params: Any) -> HttpGet:
    world = World()
    prepare("httpCheck", world, **{"url": URL} | params)
    return expect(HttpGet, world.asked[0])


def test_an_expected_answer_is_well() -> None:
    assert expect(Finished, check(HttpAnswer(200, 0.012))).message == f"GET {URL} answered 200 in 12 ms"


def test_the_outputs_hold_the_status_and_how_long_it_took() -> None:
    assert dict(expect(Finished, check(HttpAnswer(200, 0.012))).outputs) == {"status": 200, "milliseconds": 12}


def test_an_unexpected_answer_is_not_well() -> None:
    assert expect(Failed, check(HttpAnswer(502, 0.1))).message == f"GET {URL} answered 502, expected 200"


def test_a_redirect_is_an_answer_like_any_other_and_not_followed() -> None:
    expect(Failed, check(HttpAnswer(302, 0.1)))


def test_a_playbook_may_expect_other_answers() -> None:
    expect(Finished, check(HttpAnswer(204, 0.1), expectStatus=[200, 204]))


def test_no_answer_is_not_well() -> None:
    failed = expect(Failed, check(HttpAnswer(0, 5.0, error="connection refused")))
    assert (failed.message, failed.outputs["status"]) == (f"GET {URL} got no answer: connection refused", 0)


def test_no_answer_is_not_well_even_where_it_comes_with_a_body() -> None:
    expect(Failed, check(HttpAnswer(0, 5.0, body=b"ok", error="reset"), expectBody="ok"))


def test_an_answer_without_the_expected_text_is_not_well() -> None:
    failed = expect(Failed, check(HttpAnswer(200, 0.1, body=b"degraded"), expectBody="ok"))
    assert failed.message == f"GET {URL} answered 200, but without the text 'ok'"


def test_an_answer_with_the_expected_text_is_well() -> None:
    expect(Finished, check(HttpAnswer(200, 0.1, body=b'{"status": "ok"}'), expectBody='"ok"'))


@pytest.mark.parametrize(("params", "limit"), [({}, 0), ({"expectBody": "ok"}, 65_536)])
def test_the_body_is_asked_for_only_where_a_text_is_expected(params: dict[str, Any], limit: int) -> None:
    assert asked(**params).body_limit == limit


def test_a_failed_check_may_be_asked_again() -> None:
    assert not expect(Failed, check(HttpAnswer(502, 0.1))).final


def test_the_query_of_a_url_may_hold_a_key_and_is_not_shown() -> None:
    failed = expect(Failed, check(HttpAnswer(502, 0.1), url=URL + "?key=hunter2"))
    assert "hunter2" not in failed.message


@pytest.mark.parametrize(("timeout", "seconds"), [("5s", 5.0), ("2m", 60.0), ("0s", 0.1)])
def test_an_answer_is_waited_for_a_minute_at_most(timeout: str, seconds: float) -> None:
    assert asked(timeout=timeout).timeout == seconds


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_check_asks_with_a_method_that_changes_nothing(method: str) -> None:
    assert asked(method=method).method == method


def test_a_method_that_might_change_something_is_refused() -> None:
    with pytest.raises(ValueError, match="Input should be 'GET' or 'HEAD'"):
        asked(method="POST")


@pytest.mark.parametrize("url", ["checkout:8080", "ftp://checkout/", "http://", "file:///etc/passwd", "/healthz"])
def test_what_is_no_http_url_is_refused_with_what_to_write(url: str) -> None:
    assert "must begin with http:// or https:// and name a host" in refused(check(HttpAnswer(200, 0.1), url=url))


@pytest.mark.parametrize("url", ["http://host:notaport/", "http://[::1/"])
def test_a_url_that_cannot_be_read_is_refused(url: str) -> None:
    assert "cannot be read" in refused(check(HttpAnswer(200, 0.1), url=url))


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    message = refused(check(HttpAnswer(200, 0.1), url="http://admin:hunter2@checkout/"))
    assert "user name or password" in message
    assert "hunter2" not in message
