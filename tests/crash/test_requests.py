"""A request to the outside, with the operator killed (SIGKILL) before and after each of its writes around it: it is never
sent twice where a person is asked, and never under two keys where it is sent again.
"""

from collections.abc import Callable, Iterator

import pytest

from e2e.test_requests import Endpoint
from support.kube import Kube
from support.objects import ALL_ROLES, account_with, deployment, incident, playbook, step
from support.operator_process import Operator
from support.proxy import FaultProxy, Moment

pytestmark = [pytest.mark.e2e, pytest.mark.crash]

#: The status writes of a clean run: plan and intent, outcome and recovery, end.
WRITES = 3


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()
    yield found
    found.close()


@pytest.fixture
def proxy(real_kubeconfig: str) -> Iterator[FaultProxy]:
    found = FaultProxy(real_kubeconfig).start()
    yield found
    found.stop()


def _run(shop: Kube, operator: Operator, rule: str) -> dict:
    """The status once it has ended; a killed operator is started again, and a person who is asked says that it was sent."""

    def ended(obj: dict) -> bool:
        if operator.exit_code is not None:
            operator.start()
        steps = obj.get("status", {}).get("steps", [])
        if steps and steps[0].get("waitsFor") == "Outcome" and not obj["spec"]["approvals"]:
            assert rule == "Ask"
            answer = [{"step": "call", "decision": "Done", "by": "alice"}]
            shop.patch("incident", "slow", {"spec": {"approvals": answer}})
        return obj.get("status", {}).get("phase") in ("Resolved", "Failed")

    found: dict = shop.wait_for("incident", "slow", ended, seconds=60)["status"]
    return found


@pytest.mark.parametrize("rule", ["Ask", "Retry"])
def test_every_kill_around_a_request_ends_with_one_operation(
    rule: str, installed: Kube, proxy: FaultProxy, endpoint: Endpoint, start_operator: Callable[..., Operator]
) -> None:
    call = step("call", "http", {"url": endpoint.url}, onUnknown=rule, retry={"backoff": "1s"})
    moments: tuple[Moment, ...] = ("before", "after")
    for number, moment in [(number, moment) for number in range(1, WRITES + 1) for moment in moments]:
        where = f"killed {moment} write {number}"
        shop = installed.within(f"r-{rule.lower()}-{moment}-{number}")
        installed.run("create", "namespace", shop.namespace)
        try:
            shop.apply(*account_with(*ALL_ROLES), deployment("web"))
            shop.rolled_out("deployment/web")
            operator = start_operator(shop, f"--http-allow={endpoint.url}", kubeconfig=proxy.kubeconfig())
            shop.apply(playbook("call", call))
            shop.wait_for("playbook", "call", lambda obj: obj.get("status"))
            endpoint.received.clear()
            proxy.arm(number, moment, operator.kill)
            shop.apply(incident("slow", "web", "call"))
            status = _run(shop, operator, rule)
            assert proxy.struck, where
            assert status["phase"] == "Resolved", f"{where}: {status['message']}"
            assert len(set(endpoint.keys)) <= 1, where
            assert len(endpoint.received) <= (1 if rule == "Ask" else 2), where
            assert endpoint.received or status["steps"][0]["outputs"] == {"by": "alice"}, where
            operator.stop()
        finally:
            proxy.disarm()
            installed.run("delete", "namespace", shop.namespace, "--wait=false")
