"""http: one request to the outside, sent at most once, and what happens when nobody can know whether it was."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from component.builders import HOME, Killed, StrikeAt, Ward, step
from paramedic.actions.effects import Send
from paramedic.actions.reads import HttpAnswer
from paramedic.cluster.fake import Moment
from paramedic.cluster.transport import Unavailable
from paramedic.model.objects import Object
from paramedic.model.references import CONFIGMAP, SECRET

URL = "https://flags.example.com/v1/checkout"
TOKEN = "Bearer s3cr3t-t0ken"
CHANNELS = [{"name": "oncall", "secretRef": {"name": "chat", "key": "oncall"}}]
RULES = {"channels": CHANNELS, "escalation": [{"after": "12h", "channel": "oncall", "message": "late"}]}
NO_ANSWER = HttpAnswer(0, 10.0, error="no answer within 10 s")


def sending(**more: Any) -> Object:
    options = {key: more.pop(key) for key in ("onUnknown", "retry", "timeout", "approval", "onFailure") if key in more}
    return step("switch", "http", {"url": URL, "method": "PUT", "body": {"enabled": False}} | more, **options)


async def ward_with(*steps: Object, answer: int = 200, rules: Any = None, **spec: Any) -> Ward:
    ward = Ward(image="web:v1")
    ward.http.allow("https://flags.example.com/v1")
    ward.http.set(URL, answer, b'{"ok": true}')
    ward.add(secret("chat", oncall="json://oncall/"), secret("flags", token=TOKEN + "\n"))
    await ward.open(*(steps or [sending()]), rules=rules or RULES, **spec)
    return ward


def secret(name: str, **values: str) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def silent(ward: Ward) -> None:
    """The endpoint takes requests and answers none."""
    ward.http.answers[URL] = NO_ANSWER


def killing(ward: Ward, moment: str) -> None:
    """The operator dies once, before or after the request has arrived."""
    armed = [True]

    def receive(effect: Send) -> None:
        if armed and armed.pop():
            if moment == "before":
                ward.http.sent.pop()
            raise Killed

    ward.http.receive = receive


async def test_a_request_is_sent_once_with_the_operation_id_as_its_key() -> None:
    ward = await ward_with()
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    (sent,) = ward.http.sent
    assert (sent.method, sent.url, sent.body, sent.key) == (
        "PUT", URL, '{"enabled": false}', ward.step("switch")["operationID"],
    )  # fmt: skip
    assert ward.step("switch")["outputs"]["json"] == {"ok": True}


async def test_its_intent_is_stored_before_it_is_sent() -> None:
    ward = await ward_with()
    stored: list[Object] = []
    ward.http.receive = lambda effect: stored.append(ward.step("switch"))
    await ward.run()
    assert stored[0]["state"] == "Running"
    assert stored[0]["intent"]["request"] == f"PUT {URL}"


async def test_a_dry_run_shows_it_and_sends_nothing() -> None:
    ward = await ward_with(mode="DryRun")
    await ward.run()
    assert ward.http.sent == []
    assert ward.step("switch")["message"].startswith(f"would begin: sending PUT {URL}, headers Content-Type, body")


async def test_an_endpoint_that_nobody_allowed_fails_the_step_and_nothing_is_sent() -> None:
    ward = await ward_with()
    ward.http.allow()
    status = await ward.run()
    assert status["phase"] == "Failed"
    assert f"--http-allow {URL}" in status["message"]
    assert ward.http.sent == []


@pytest.mark.parametrize("value", ['x", "admin": true, "y": "', "a\nb", "${incident.name}", "\\"])
async def test_what_an_incident_says_stays_data_within_json(value: str) -> None:
    rules = RULES | {"parameters": [{"name": "user", "default": "nobody"}]}
    ward = await ward_with(sending(body='{"user": "${parameters.user}"}'), rules=rules, parameters={"user": value})
    await ward.run()
    assert json.loads(ward.http.sent[0].body) == {"user": value}


# --- secrets


async def test_a_secret_header_is_read_as_the_account_and_stands_nowhere_but_in_the_request() -> None:
    header = {"name": "Authorization", "secretRef": {"name": "flags", "key": "token"}}
    ward = await ward_with(sending(secretHeaders=[header]))
    status = await ward.run()
    assert ward.http.secrets == [{"Authorization": TOKEN}]
    assert "s3cr3t" not in str(status)
    read = [item for item in ward.cluster.log if item.address.resource == SECRET and item.address.name == "flags"]
    assert {item.request.account for item in read} == {"system:serviceaccount:shop:responder"}


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ({"name": "none", "key": "token"}, "there is no Secret none in namespace shop"),
        ({"name": "flags", "key": "none"}, "Secret flags in namespace shop has no key none"),
        ({"name": "binary", "key": "token"}, "holds no single line of ASCII text"),
    ],
)
async def test_a_secret_that_is_not_there_fails_the_step_before_anything_is_sent(ref: Object, says: str) -> None:
    ward = await ward_with(sending(secretHeaders=[{"name": "Authorization", "secretRef": ref}]))
    ward.add(secret("binary", token="a\nb"))
    status = await ward.run()
    assert status["phase"] == "Failed"
    assert "it was not sent" in status["message"] and says in status["message"]
    assert ward.http.sent == []


async def test_a_secret_that_cannot_be_read_for_a_moment_is_read_again() -> None:
    ward = await ward_with(sending(secretHeaders=[{"name": "A", "secretRef": {"name": "flags", "key": "token"}}]))
    failures = [1, 1]
    get = ward.api.get

    async def shaky(ref: Any, user: str = "", **more: Any) -> Any:
        if ref.name == "flags" and failures:
            failures.pop()
            raise Unavailable("no answer")
        return await get(ref, user, **more)

    ward.api.get = shaky  # type: ignore[method-assign]
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    assert len(ward.http.sent) == 1


# --- answers


async def test_a_failure_that_was_answered_is_retried_as_an_operation_of_its_own() -> None:
    ward = await ward_with(sending(retry={"attempts": 3, "backoff": "5s"}), answer=503)
    ward.http.receive = lambda effect: ward.http.set(URL, 503 if len(ward.http.sent) < 2 else 200)
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    assert len({item.key for item in ward.http.sent}) == 2


async def test_a_refusal_is_not_retried() -> None:
    ward = await ward_with(sending(retry={"attempts": 3, "backoff": "5s"}), answer=403)
    status = await ward.run()
    assert status["phase"] == "Failed"
    assert "answered 403, expected 200, 201, 202, 204" in status["message"]
    assert len(ward.http.sent) == 1


async def test_what_was_surely_not_sent_is_retried() -> None:
    ward = await ward_with(sending(retry={"attempts": 2, "backoff": "1m"}))
    ward.http.cut(URL)
    await ward.pass_time(timedelta(seconds=20))
    ward.http.set(URL, 200)
    assert (await ward.run())["phase"] == "Resolved"
    assert len(ward.http.sent) == 1


# --- what is known is not forgotten


@pytest.mark.parametrize("status", [200, 503])
async def test_an_answer_is_kept_when_a_person_writes_into_the_incident_meanwhile(status: int) -> None:
    ward = await ward_with(answer=status)
    ward.http.receive = lambda effect: ward.edit({"acknowledgedBy": "alice"})
    found = await ward.run()
    assert found["phase"] == ("Resolved" if status == 200 else "Failed")
    assert f"answered {status}" in ward.step("switch")["message"]
    assert len(ward.http.sent) == 1


async def test_an_answer_is_kept_when_the_time_of_an_earlier_change_ends_meanwhile() -> None:
    ward = await ward_with(
        step("cut", "isolate", {"ttl": "1m"}), step("breathe", "wait", {"duration": "55s"}), sending()
    )
    ward.http.receive = lambda effect: ward.clock.advance(timedelta(seconds=10))
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    assert ward.states() == {"cut": "Undone", "breathe": "Succeeded", "switch": "Succeeded"}
    assert len(ward.http.sent) == 1


@pytest.mark.parametrize("write", [1, 2])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_api_server_that_does_not_answer_for_a_moment_leaves_nothing_unknown(
    write: int, moment: Moment
) -> None:
    ward = await ward_with()
    fault = StrikeAt(write, moment)
    ward.cluster.fault = fault
    status = await ward.run()
    assert fault.struck
    assert status["phase"] == "Resolved", status["message"]
    assert len(ward.http.sent) == 1


# --- what nobody can know


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_operator_that_died_around_the_request_leaves_it_to_a_person(moment: str) -> None:
    ward = await ward_with()
    killing(ward, moment)
    status = await ward.run("Waiting")
    assert ward.step("switch")["waitsFor"] == "Outcome"
    assert "may or may not have been sent when the operator was interrupted" in status["message"]
    assert "Done says that it was, Approve sends it again, Reject gives it up" in status["message"]
    assert "kubectl patch incident one -n shop" in status["message"]
    await ward.pass_time(timedelta(minutes=10))
    assert len(ward.http.sent) == (moment == "after")


async def test_an_operator_that_died_before_the_intent_was_stored_sends_it_once() -> None:
    ward = await ward_with()
    ward.cluster.fault = StrikeAt(1, "before", Killed)
    assert (await ward.run())["phase"] == "Resolved"
    assert len(ward.http.sent) == 1


async def test_a_lost_answer_is_told_to_whoever_answers_first() -> None:
    ward = await ward_with()
    silent(ward)
    await ward.run("Waiting")
    await ward.look()
    (notice,) = [notice for url, notice in ward.notifier.sent]
    assert "no answer within 10 s; whether it was received is not known" in notice.text
    assert "kubectl incident done one switch -n shop (it was received)" in notice.text
    assert "kubectl incident approve one switch -n shop (send it again)" in notice.text


async def test_a_person_says_that_it_was_received() -> None:
    ward = await ward_with()
    silent(ward)
    await ward.run("Waiting")
    ward.answer("switch", "Done")
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    assert ward.step("switch")["message"] == "done, says alice: as agreed"
    assert len(ward.http.sent) == 1


async def test_a_person_lets_it_be_sent_again_under_the_same_key() -> None:
    ward = await ward_with()
    silent(ward)
    await ward.run("Waiting")
    ward.http.set(URL, 200)
    ward.answer("switch", "Approve")
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    assert len(ward.http.sent) == 2
    assert len({item.key for item in ward.http.sent}) == 1


async def test_an_approval_of_another_plan_sends_nothing() -> None:
    ward = await ward_with()
    silent(ward)
    await ward.run("Waiting")
    ward.answer("switch", "Approve", plan_hash="0123456789ab")
    status = await ward.pass_time(timedelta(minutes=5))
    assert status["phase"] == "Waiting"
    assert len(ward.http.sent) == 1


async def test_a_person_gives_it_up() -> None:
    ward = await ward_with()
    silent(ward)
    await ward.run("Waiting")
    ward.answer("switch", "Reject")
    status = await ward.run()
    assert status["phase"] == "Failed"
    assert f"alice gave it up: as agreed; whether PUT {URL} was received is not known" in status["message"]


async def test_an_answer_from_before_the_question_does_not_settle_it() -> None:
    ward = await ward_with(sending(approval={"required": True}))
    await ward.run("Waiting")
    silent(ward)
    ward.answer("switch", "Approve")
    await ward.pass_time(timedelta(minutes=5))
    assert ward.step("switch")["waitsFor"] == "Outcome"
    assert len(ward.http.sent) == 1


async def test_nobody_who_answers_in_time_fails_the_step() -> None:
    ward = await ward_with(sending(timeout="10m"))
    silent(ward)
    status = await ward.run()
    assert status["phase"] == "Failed"
    assert "nobody said whether it was done" in status["message"]


async def test_a_step_may_say_that_it_fails() -> None:
    ward = await ward_with(sending(onUnknown="Fail"))
    silent(ward)
    status = await ward.run()
    assert status["phase"] == "Failed"
    assert "whether it was received is not known; onUnknown is Fail" in status["message"]
    assert len(ward.http.sent) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_step_may_say_that_it_is_sent_again_under_the_same_key(moment: str) -> None:
    ward = await ward_with(sending(onUnknown="Retry"))
    killing(ward, moment)
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    assert len(ward.http.sent) == (2 if moment == "after" else 1)
    assert len({item.key for item in ward.http.sent}) == 1


async def test_it_is_not_sent_again_for_ever() -> None:
    ward = await ward_with(sending(onUnknown="Retry", timeout="1m"))
    silent(ward)
    status = await ward.run()
    assert status["phase"] == "Failed"
    assert "its time is over, so it is not sent again" in status["message"]
    assert 2 <= len(ward.http.sent) <= 5
    assert len({item.key for item in ward.http.sent}) == 1


async def test_a_get_which_changes_nothing_is_sent_again() -> None:
    ward = await ward_with(step("ask", "http", {"url": URL, "method": "GET"}))
    killing(ward, "after")
    assert (await ward.run())["phase"] == "Resolved"
    assert len(ward.http.sent) == 2


async def test_a_run_that_is_cancelled_while_it_is_not_known_says_so() -> None:
    ward = await ward_with()
    silent(ward)
    await ward.run("Waiting")
    ward.edit({"cancel": {"by": "alice", "reason": "enough"}})
    status = await ward.run()
    assert status["phase"] == "Cancelled"
    assert ward.step("switch")["state"] == "Failed"
    assert ward.step("switch")["message"] == "cancelled by alice, before anybody said whether it was done"


async def test_while_the_operator_is_paused_nothing_is_sent_and_nothing_is_lost() -> None:
    ward = await ward_with(step("breathe", "wait", {"duration": "10s"}), sending())
    meta = {"name": "paramedic-paused", "namespace": HOME}
    pause = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"by": "alice", "reason": "freeze"}}
    await ward.look()
    ward.cluster.add(pause)
    await ward.pass_time(timedelta(minutes=2))
    assert (ward.step("switch")["state"], ward.http.sent) == ("Running", [])

    ward.cluster.remove(CONFIGMAP, HOME, "paramedic-paused")
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    assert len(ward.http.sent) == 1
