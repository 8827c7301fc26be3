"""tcpCheck opens one connection, and says why it could not."""

from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished
from paramedic.actions.reads import TcpAnswer, TcpConnect, TcpProblem
from paramedic.actions.registry import ACTIONS
from unit.acting import expect, prepare, refused
from unit.seen import World


def check(answer: TcpAnswer, **params: Any) -> object:
    return prepare("tcpCheck", World(tcp=answer), **{"host": "db.shop", "port": 5432} | params)


def failure(problem: TcpProblem, error: str = "", **params: Any) -> Failed:
    return expect(Failed, check(TcpAnswer(0.25, problem=problem, error=error), **params))


def test_a_port_that_accepts_is_well() -> None:
    done = expect(Finished, check(TcpAnswer(0.003, "10.96.0.7")))
    assert done.message == "db.shop:5432 accepted a connection in 3 ms"
    assert dict(done.outputs) == {"connected": True, "milliseconds": 3, "address": "10.96.0.7"}


def test_a_refused_connection_points_to_the_process() -> None:
    failed = failure("Refused")
    assert failed.message == (
        "db.shop:5432 refused the connection; is the process running, and does it listen on this port?"
    )
    assert dict(failed.outputs) == {"connected": False, "milliseconds": 250, "address": ""}


def test_a_timeout_points_to_the_network() -> None:
    assert failure("TimedOut", timeout="3s").message.startswith(
        "db.shop:5432 did not answer: the connection timed out after 3s; look for a NetworkPolicy"
    )


def test_a_name_without_an_address_points_to_its_spelling_and_dns() -> None:
    assert failure("Unresolved", "Name or service not known").message == (
        "db.shop:5432 cannot be asked: the name cannot be resolved (Name or service not known); check the spelling,"
        " that the Service exists, and cluster DNS"
    )


@pytest.mark.parametrize("problem", ["Forbidden", "Unreachable"])
def test_any_other_trouble_is_told_in_its_own_words(problem: TcpProblem) -> None:
    assert "db.shop:5432 cannot be connected to: no way; " in failure(problem, "no way").message


def test_it_can_be_tried_again() -> None:
    assert not failure("Refused").final


@pytest.mark.parametrize("host", ["http://db.shop", "db.shop:5432", "db shop", "db/shop", "${parameters.db}", "-x"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    assert refused(check(TcpAnswer(0.1, "10.0.0.1"), host=host)) == (
        f"host {host!r} is no host name or address; write one alone, such as db.shop, the port in port"
    )


@pytest.mark.parametrize("host", ["10.1.2.3", "fd12::1", "db", "db.shop.svc.cluster.local.", "my_db.shop"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    expect(Finished, check(TcpAnswer(0.1, "10.0.0.1"), host=host))


def test_an_address_of_version_six_is_shown_in_brackets() -> None:
    assert expect(Failed, check(TcpAnswer(0.1, problem="Refused"), host="fd12::1")).message.startswith("[fd12::1]:5432")


@pytest.mark.parametrize("timeout", ["0s", "61s", "2m"])
def test_a_timeout_out_of_bounds_is_refused(timeout: str) -> None:
    with pytest.raises(ValidationError, match="is not between 1s and 60s"):
        check(TcpAnswer(0.1, "10.0.0.1"), timeout=timeout)


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_out_of_bounds_is_refused(port: int) -> None:
    with pytest.raises(ValidationError, match="port"):
        check(TcpAnswer(0.1, "10.0.0.1"), port=port)


def test_host_port_and_timeout_are_what_is_asked() -> None:
    world = World()
    prepare("tcpCheck", world, host="db.shop", port=5432, timeout="7s")
    assert world.asked == [TcpConnect("db.shop", 5432, 7.0)]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Node"])
def test_it_needs_no_permission(kind: str) -> None:
    action = ACTIONS["tcpCheck"]
    params = action.parameters.model_validate({"host": "db.shop", "port": 5432})
    assert action.permissions(params, kind) == frozenset()
