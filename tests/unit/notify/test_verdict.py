"""What became of a message, by how far its request came."""

import pytest

from paramedic.model.deliveries import Delivery
from paramedic.notify.verdict import judge, judge_error, judge_silence
from paramedic.notify.wire import Exchange


def verdict(*exchanges: Exchange, accepted: bool = False, recipients: int = 1) -> Delivery:
    return judge("Slack", accepted, exchanges, recipients, str)


def answered(status: int, body: str = "", retry_after: str = "") -> Exchange:
    return Exchange("h.example:443", connected=True, exposed=True, status=status, body=body, retry_after=retry_after)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_final(status: int) -> None:
    said = verdict(answered(status, "invalid_token"))
    assert said == Delivery("Failed", f"Slack answered {status}: invalid_token; check the channel's URL", final=True)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_what_may_pass_may_be_tried_again(status: int) -> None:
    assert verdict(answered(status)) == Delivery("Failed", f"Slack answered {status}")


def test_how_long_to_wait_is_told() -> None:
    assert verdict(answered(429, retry_after="30")).message == "Slack answered 429 (try again after 30)"


def test_a_gateway_that_gave_up_waiting_may_have_passed_the_message_on() -> None:
    assert verdict(answered(504)).state == "Unknown"


def test_a_redirect_is_final() -> None:
    said = verdict(answered(302))
    assert (said.state, said.final) == ("Failed", True) and "is not followed" in said.message


def test_an_answer_that_is_no_yes_is_final() -> None:
    assert verdict(answered(200, "no_text")) == Delivery(
        "Failed", "Slack answered 200: no_text; check the channel's URL", final=True
    )


def test_no_connection_may_be_tried_again() -> None:
    said = verdict(Exchange("h.example:443", error="Connection refused"))
    assert said == Delivery("Failed", "Slack: cannot connect to h.example:443: Connection refused")


def test_a_connection_that_broke_after_sending_is_unknown() -> None:
    said = verdict(Exchange("h.example:443", connected=True, exposed=True, error="the connection was closed"))
    assert said == Delivery(
        "Unknown", "Slack: no answer from h.example:443 (the connection was closed); the message may have arrived"
    )


def test_a_forbidden_address_is_final() -> None:
    assert verdict(Exchange("h.example:80", error="denied", forbidden=True)).final


def test_with_several_recipients_one_yes_and_one_no_is_unknown() -> None:
    said = verdict(answered(200), answered(503), recipients=2)
    assert said.state == "Unknown" and "at least one of its 2 recipients may have it" in said.message


def test_a_login_that_went_well_does_not_make_a_refusal_unknown() -> None:
    assert verdict(answered(200), answered(403)).state == "Failed"


def test_an_answer_that_is_not_understood_is_unknown() -> None:
    said = judge_error("Slack", ValueError("s3cr3t"), [answered(200, "<html>")], str)
    assert said == Delivery(
        "Unknown", "Slack: an answer that was not understood (200, ValueError); the message may have arrived"
    )


def test_an_error_before_anything_was_sent_is_a_failure() -> None:
    assert judge_error("Slack", ValueError("s3cr3t"), [], str).state == "Failed"


def test_nothing_sent_is_never_called_sent() -> None:
    assert verdict(accepted=True).state == "Failed"


def test_silence_before_anything_was_sent_is_a_failure_and_after_it_unknown() -> None:
    assert judge_silence("Slack", [Exchange("h:1")], 10).state == "Failed"
    assert judge_silence("Slack", [Exchange("h:1", connected=True, exposed=True)], 10).state == "Unknown"
    assert judge_silence("Slack", [], 10).state == "Failed"
    assert judge_silence("Mail", [Exchange("h:1", connected=True)], 10) == Delivery(
        "Failed", "Mail: no answer from h:1 within 10 s; nothing was sent"
    )
