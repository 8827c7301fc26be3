"""Many incidents at once: each ends right, and no write is more than the protocol's."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from support.kube import Kube
from support.objects import deployment, incident, playbook, step
from support.operator_process import Operator
from support.proxy import FaultProxy

pytestmark = pytest.mark.e2e

COUNT = 200


@pytest.fixture
def proxy(real_kubeconfig: str) -> Iterator[FaultProxy]:
    found = FaultProxy(real_kubeconfig).start()
    yield found
    found.stop()


def test_200_incidents_in_flight_end_right_with_the_writes_of_the_protocol_alone(
    shop: Kube, proxy: FaultProxy, start_operator: Callable[..., Operator]
) -> None:
    names = [f"web-{number}" for number in range(COUNT)]
    shop.apply(*(deployment(name, replicas=1) for name in names))
    shop.run("wait", "--for=condition=Available", "deployment", "--all", "--timeout=120s", timeout=150)
    operator = start_operator(shop, kubeconfig=proxy.kubeconfig())
    shop.apply(playbook("restart", step("status", "workloadStatus"), step("restart", "rollingRestart")))
    shop.wait_for("playbook", "restart", lambda obj: obj.get("status"))
    proxy.writes.clear()

    shop.apply(*(incident(f"slow-{name}", name, "restart") for name in names))
    shop.run("wait", "--for=jsonpath={.status.phase}=Resolved", "incident", "--all", "--timeout=240s", timeout=280)

    writes = Counter(
        (write.method, write.path.rsplit("/", 1)[-1] == "status") for write in proxy.writes if write.status < 300
    )
    # For each: plan and intent in one, the effect, the outcome with the begin of monitoring, the end. A rollout that is
    # not healthy at the first look at recovery needs one more, to say since when it is.
    assert writes["PATCH", False] == COUNT
    assert 3 * COUNT <= writes["PUT", True] <= 4 * COUNT
    assert set(writes) == {("PATCH", False), ("PUT", True)}
    generations = {obj["metadata"]["name"]: obj["metadata"]["generation"] for obj in shop.list("deployments")}
    assert set(generations.values()) == {2}
    assert 'paramedic_incidents{phase="Resolved"} 200.0' in operator.metrics()
