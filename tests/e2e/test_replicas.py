"""Two replicas: one acts, and the other goes on when the first is killed, stopped or told to go."""

import signal
from collections.abc import Callable

import pytest

from support.kube import Kube
from support.objects import deployment, incident, playbook, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

SHORT_LEASE = "--lease-duration=3"


def holder(shop: Kube) -> str:
    return str(shop.get("lease", "paramedic")["spec"]["holderIdentity"])


@pytest.fixture
def pair(shop: Kube, start_operator: Callable[..., Operator]) -> tuple[Operator, Operator]:
    """A leader and its standby, with an incident that waits and then restarts."""
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    leader = start_operator(shop, SHORT_LEASE)
    shop.wait_for("lease", "paramedic", lambda obj: obj["spec"].get("holderIdentity"))
    standby = start_operator(shop, SHORT_LEASE)
    shop.apply(playbook("restart", step("pause", "wait", {"duration": "4s"}), step("restart", "rollingRestart")))
    shop.apply(incident("slow", "web", "restart"))
    shop.wait_for("incident", "slow", lambda obj: obj.get("status", {}).get("currentStep") == "pause")
    return leader, standby


def restarted_once(shop: Kube) -> bool:
    return bool(shop.get("deployment", "web")["metadata"]["generation"] == 2)


def test_when_the_leader_is_killed_the_standby_goes_on(shop: Kube, pair: tuple[Operator, Operator]) -> None:
    leader, _ = pair
    first = holder(shop)
    leader.kill()
    found = shop.incident_in("slow", "Resolved", "Failed")
    assert found["status"]["phase"] == "Resolved"
    assert holder(shop) != first
    assert restarted_once(shop)


def test_a_leader_that_was_stopped_and_continued_does_nothing_more_and_ends(
    shop: Kube, pair: tuple[Operator, Operator]
) -> None:
    leader, standby = pair
    leader.send(signal.SIGSTOP)
    shop.incident_in("slow", "Resolved", "Failed")
    leader.send(signal.SIGCONT)
    assert leader.wait(20) == 1
    assert restarted_once(shop)
    assert standby.exit_code is None


def test_a_leader_that_is_told_to_go_hands_over_at_once(shop: Kube, pair: tuple[Operator, Operator]) -> None:
    leader, _ = pair
    first = holder(shop)
    assert leader.stop() == 0
    shop.wait_for("lease", "paramedic", lambda obj: obj["spec"]["holderIdentity"] not in ("", first), seconds=3)
    assert shop.incident_in("slow", "Resolved", "Failed")["status"]["phase"] == "Resolved"
    assert restarted_once(shop)


def test_probes_and_metrics_answer_on_leader_and_standby(shop: Kube, pair: tuple[Operator, Operator]) -> None:
    for operator in pair:
        assert operator.answers("/healthz") and operator.answers("/readyz")
    leading = ["paramedic_leader 1.0" in operator.metrics() for operator in pair]
    assert leading == [True, False]
