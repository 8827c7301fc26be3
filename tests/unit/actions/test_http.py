"""http sends one request, to where an admin allowed it, at most once."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished, Intent, Pending, Unknown
from paramedic.actions.effects import SecretHeader, Send
from paramedic.actions.http import Http, HttpParameters
from paramedic.actions.reads import HttpAnswer
from unit.acting import expect, observe, prepare, record_of, refused
from unit.builders import context
from unit.seen import World

URL = "https://idp.example.com/v1/lock"
SECRET = {"name": "Authorization", "secretRef": {"name": "idp", "key": "token"}}
ALLOWED = World(endpoints=("https://idp.example.com/v1",))


def sending(**params: Any) -> Send:
    """What is sent right after the intent is written."""
    given = {"url": URL} | params
    record = record_of(prepare("http", ALLOWED, **given))
    (effect,) = expect(Pending, observe("http", ALLOWED, record, context(fresh=True), **given)).effects
    return expect(Send, effect)


def answered(answer: HttpAnswer, **params: Any) -> object:
    given = {"url": URL} | params
    record = record_of(prepare("http", ALLOWED, **given))
    pending = expect(Pending, observe("http", ALLOWED, record, context(fresh=True), **given))
    assert pending.read is not None
    return pending.read(answer)


def test_it_sends_what_the_playbook_says_under_the_operations_id() -> None:
    found = sending(body={"user": "alice"}, headers={"X-Team": "shop"}, secretHeaders=[SECRET], timeout="3s")
    assert (found.method, found.url, found.key) == ("POST", URL, context().operation_id)
    assert json.loads(found.body) == {"user": "alice"}
    assert dict(found.headers) == {"X-Team": "shop", "Content-Type": "application/json"}
    assert found.secret_headers == (SecretHeader("Authorization", "idp", "token"),)
    assert found.timeout == 3


def test_an_endpoint_that_no_admin_allowed_is_refused_with_the_flag_to_give() -> None:
    message = refused(prepare("http", World(), url=URL))
    assert f"the operator may not send to {URL}" in message
    assert f"--http-allow {URL}" in message


def test_a_request_that_may_have_been_sent_is_not_sent_again() -> None:
    record = record_of(prepare("http", ALLOWED, url=URL))
    unknown = expect(Unknown, observe("http", ALLOWED, record, context(fresh=False), url=URL))
    assert f"POST {URL} may or may not have been sent" in unknown.message


def test_the_intent_shows_request_line_header_names_and_body_but_no_value_of_a_header() -> None:
    found = expect(
        Intent,
        prepare(
            "http", ALLOWED, url=f"{URL}?key=hidden", body={"user": "alice"}, headers={"X-Team": "hidden"},
            secretHeaders=[SECRET],
        ),
    )  # fmt: skip
    assert found.message == (
        f'sending POST {URL}, headers X-Team, Content-Type, Authorization (from Secret idp), body {{"user": "alice"}}'
    )
    assert "hidden" not in str(dict(found.record))


def test_an_approval_is_for_this_request_and_no_other() -> None:
    given = {"body": {"user": "alice"}, "secretHeaders": [SECRET]}
    first = expect(Intent, prepare("http", ALLOWED, url=URL, **given)).identity
    assert expect(Intent, prepare("http", ALLOWED, url=URL, **given)).identity == first
    others: list[dict[str, Any]] = [
        {"url": URL + "/x"}, {"method": "PUT"}, {"body": {"user": "bob"}}, {"headers": {"X": "y"}}, {"secretHeaders": []},
    ]  # fmt: skip
    for other in others:
        changed = {"url": URL} | given | other
        assert expect(Intent, prepare("http", ALLOWED, **changed)).identity != first


def test_an_expected_answer_is_a_success_with_its_status_and_json() -> None:
    found = expect(Finished, answered(HttpAnswer(201, 0.02, b'{"ticket": 7}')))
    assert found.outputs == {"status": 201, "milliseconds": 20, "body": '{"ticket": 7}', "json": {"ticket": 7}}
    assert found.message == f"POST {URL} answered 201 in 20 ms"


def test_an_answer_is_kept_within_bounds() -> None:
    outputs = expect(Finished, answered(HttpAnswer(200, 0.02, b"x" * 60_000))).outputs
    assert len(outputs["body"]) <= 1024 and "json" not in outputs


@pytest.mark.parametrize(
    ("status", "final"), [(500, False), (503, False), (429, False), (409, False), (400, True), (404, True)]
)
def test_another_answer_is_a_failure_that_is_retried_where_that_may_help(status: int, final: bool) -> None:
    failed = expect(Failed, answered(HttpAnswer(status, 0.02, b"no such\nuser")))
    assert (failed.final, failed.untouched) == (final, True)
    assert failed.message == f"POST {URL} answered {status}, expected 200, 201, 202, 204: no such user"


def test_a_redirect_is_not_followed() -> None:
    failed = expect(Failed, answered(HttpAnswer(302, 0.02)))
    assert failed.final and "redirects are not followed" in failed.message


def test_what_was_surely_not_sent_may_be_tried_again() -> None:
    failed = expect(Failed, answered(HttpAnswer(0, 0.0, error="connection refused", arrived=False)))
    assert failed.message == f"POST {URL} was not sent: connection refused"
    assert failed.untouched and not failed.final


def test_a_request_that_nobody_answered_is_not_known_to_be_done_or_not() -> None:
    unknown = expect(Unknown, answered(HttpAnswer(0, 10.0, error="no answer within 10 s")))
    assert "whether it was received is not known" in unknown.message


def test_a_text_that_is_json_is_filled_in_as_json() -> None:
    assert HttpParameters(url=URL, body='{"user": "${parameters.user}"}').body == {"user": "${parameters.user}"}


def test_any_other_text_stays_as_it_is() -> None:
    found = sending(body="user=alice&lock=1", headers={"content-type": "application/x-www-form-urlencoded"})
    assert found.body == "user=alice&lock=1"
    assert dict(found.headers) == {"content-type": "application/x-www-form-urlencoded"}


def test_without_a_body_there_is_no_content_type() -> None:
    assert (sending().body, sending().headers) == ("", ())


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"headers": {"Authorization": "Bearer x"}}, "would be stored for everybody to read; write it in secretHeaders"),
        ({"headers": {"Cookie": "a=b"}}, "write it in secretHeaders"),
        ({"headers": {"Host": "evil.com"}}, "Host is written by paramedic itself"),
        ({"headers": {"Idempotency-Key": "1"}}, "is written by paramedic itself"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "line break"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "a header is there twice"),
        ({"headers": {"X A": "1"}}, "is no name of a header"),
        ({"secretHeaders": [{"name": "Content-Length", "secretRef": {"name": "a", "key": "b"}}]}, "leave it out"),
        ({"body": 7}, "must be a text, a JSON object or a list"),
        ({"body": "x" * 9_000}, "longer than 8192 characters"),
        ({"body": {"x": "y" * 9_000}}, "longer than 8192 characters"),
        ({"method": "TRACE"}, "Input should be"),
        ({"expectStatus": []}, "at least 1 item"),
    ],
)  # fmt: skip
def test_a_request_that_is_wrong_or_unsafe_is_refused_by_its_field(params: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says.replace("(", r"\(")):
        HttpParameters.model_validate({"url": URL} | params)


def test_a_secret_of_a_header_must_be_readable_by_the_account_and_no_other() -> None:
    found = HttpParameters.model_validate({"url": URL, "secretHeaders": [SECRET]})
    assert [str(item) for item in Http().permissions(found, "Deployment")] == ["get secrets named idp"]
