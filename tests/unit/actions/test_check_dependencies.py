"""checkDependencies asks several endpoints side by side, and names those that do not answer."""

from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished
from paramedic.actions.reads import HttpAnswer, HttpGet, Missing, Seen, TcpAnswer, TcpConnect
from paramedic.actions.registry import ACTIONS
from unit.acting import expect, prepare
from unit.builders import context
from unit.seen import World

DATABASE = {"name": "database", "tcpCheck": {"host": "db.shop", "port": 5432}}
PAYMENTS = {"name": "payments", "httpCheck": {"url": "http://payments.shop/healthz"}}
REFUSED = TcpAnswer(0.1, problem="Refused")


def look(*dependencies: dict[str, Any], **world: Any) -> object:
    return prepare("checkDependencies", World(**world), dependencies=list(dependencies))


def test_dependencies_that_all_answer_are_well() -> None:
    done = expect(Finished, look(DATABASE, PAYMENTS))
    assert done.message == "2 dependencies answered as expected: database, payments"
    assert dict(done.outputs) == {"failed": [], "healthy": ["database", "payments"]}


def test_those_that_do_not_answer_are_named_with_the_reason() -> None:
    failed = expect(Failed, look(DATABASE, PAYMENTS, tcp=REFUSED))
    assert failed.message == (
        "1 of 2 dependencies did not answer as expected: database: db.shop:5432 refused the connection; is the process"
        " running, and does it listen on this port?"
    )
    assert dict(failed.outputs) == {"failed": ["database"], "healthy": ["payments"]}


def test_all_may_fail_at_once() -> None:
    failed = expect(Failed, look(DATABASE, PAYMENTS, tcp=REFUSED, http=HttpAnswer(503, 0.1)))
    assert failed.outputs["failed"] == ["database", "payments"]
    assert "payments: GET http://payments.shop/healthz answered 503, expected 200" in failed.message
    assert not failed.final


def test_a_host_that_is_none_fails_alone_and_the_others_are_asked() -> None:
    wrong = {"name": "cache", "tcpCheck": {"host": "cache:6379", "port": 6379}}
    failed = expect(Failed, look(wrong, DATABASE))
    assert dict(failed.outputs) == {"failed": ["cache"], "healthy": ["database"]}


def test_all_are_asked_at_once() -> None:
    action = ACTIONS["checkDependencies"]
    params = action.parameters.model_validate({"dependencies": [DATABASE, PAYMENTS]})
    with pytest.raises(Missing) as missing:
        action.prepare(params, context(), Seen())
    assert [type(read) for read in missing.value.reads] == [TcpConnect, HttpGet]


@pytest.mark.parametrize(
    ("dependencies", "says"),
    [
        ([{"name": "a"}], "dependency a needs exactly one of httpCheck and tcpCheck"),
        ([DATABASE | {"httpCheck": PAYMENTS["httpCheck"]}], "dependency database needs exactly one of"),
        ([DATABASE, DATABASE], "two dependencies are called database"),
        ([], "at least 1 item"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(dependencies: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        look(*dependencies)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Node"])
def test_it_needs_no_permission(kind: str) -> None:
    action = ACTIONS["checkDependencies"]
    params = action.parameters.model_validate({"dependencies": [DATABASE]})
    assert action.permissions(params, kind) == frozenset()
