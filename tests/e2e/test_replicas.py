"""Two replicas: one acts, and the other goes on when the first is killed, stopped or told to go."""

import signal
from collections.abc import Callable, Iterator

import pytest

from support.alerts import Sender, alert, body
from support.kube import Kube
from support.objects import deployment, incident, playbook, step
from support.operator_process import Operator, free_port
from support.proxy import FaultProxy

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


# --- cut off, and what the receivers take meanwhile


@pytest.fixture
def line(real_kubeconfig: str) -> Iterator[FaultProxy]:
    """The leader's line to the API server."""
    found = FaultProxy(real_kubeconfig).start()
    yield found
    found.stop()


def not_taken(sender: Sender, content: bytes) -> bool:
    """Whether Alertmanager would send it again: it was answered 503, or nobody was there any more to answer."""
    try:
        return sender.send(content)[0] == 503
    except OSError:
        return True


def test_a_leader_that_is_cut_off_stops_by_itself_and_both_receivers_take_alerts_meanwhile(
    shop: Kube, line: FaultProxy, start_operator: Callable[..., Operator]
) -> None:
    shop.apply(deployment("web"), deployment("api"))
    shop.rolled_out("deployment/web")
    shop.rolled_out("deployment/api")
    shop.apply(
        playbook(
            "restart",
            step("pause", "wait", {"duration": "4s"}),
            step("restart", "rollingRestart"),
            match={"alertNames": ["InstanceDown"]},
        )
    )
    ports = free_port(), free_port()
    leader = start_operator(shop, SHORT_LEASE, f"--receiver=127.0.0.1:{ports[0]}", kubeconfig=line.kubeconfig())
    shop.wait_for("lease", "paramedic", lambda obj: obj["spec"].get("holderIdentity"))
    start_operator(shop, SHORT_LEASE, f"--receiver=127.0.0.1:{ports[1]}")
    down = [alert(labels={"namespace": shop.namespace, "deployment": name}) for name in ("web", "api")]

    assert Sender(ports[0]).results(down[0]) == ["Created"]
    assert Sender(ports[1]).results(down[0]) == ["Exists"]
    (first,) = shop.list("incidents")
    shop.wait_for(
        "incident", first["metadata"]["name"], lambda obj: obj.get("status", {}).get("currentStep") == "pause"
    )
    line.cut()
    assert not_taken(Sender(ports[0]), body(down[1]))
    assert Sender(ports[1]).results(down[1]) == ["Created"]

    assert leader.wait(20) == 1
    for item in shop.list("incidents"):
        assert shop.incident_in(item["metadata"]["name"], "Resolved", "Failed")["status"]["phase"] == "Resolved"
    assert [shop.get("deployment", name)["metadata"]["generation"] for name in ("web", "api")] == [2, 2]
