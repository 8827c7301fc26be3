"""Exactly once, systematically: for each remedy, the writes of a clean run are counted; then the operator is killed
(SIGKILL) before and after each of them, restarted, and the end must be the same, and written as often as in the clean run.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from support import snapshots
from support.kube import Kube
from support.nodes import cordoned, node_rights, on_one_node, own_nodes, pods_on
from support.objects import ALL_ROLES, account_with, deployment, incident, playbook, reading, step, with_image
from support.operator_process import Operator
from support.proxy import FaultProxy, Moment
from support.ranges import api_server_address

pytestmark = [pytest.mark.e2e, pytest.mark.crash]

Object = dict[str, Any]
OURS = "app.kubernetes.io/managed-by=paramedic"
_SIDE_BY_SIDE = 3


@dataclass(frozen=True)
class Remedy:
    """One remedy: what it is tried on, and what is left when it is done."""

    name: str
    steps: tuple[Object, ...]
    set_up: Callable[[Kube], None]
    #: What the incident is about; a node of the namespace's own where that is a Node.
    kind: str = "Deployment"
    #: Actions that need a ClusterRoleBinding, and how many nodes the namespace has of its own.
    clusterwide: tuple[str, ...] = ()
    nodes: int = 0


def _target(shop: Kube, remedy: Remedy) -> str:
    return f"{shop.namespace}-0" if remedy.kind == "Node" else "web"


def _healthy(shop: Kube) -> None:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")


def _broken(shop: Kube) -> None:
    _healthy(shop)
    shop.apply(with_image(deployment("web"), "localhost/web:never-ready"))
    shop.wait_for("deployment", "web", lambda obj: obj["status"].get("unavailableReplicas"))


def _shielded(shop: Kube) -> None:
    api_server_address(shop)
    _healthy(shop)


def _reading_a_secret(shop: Kube) -> None:
    shop.run("create", "secret", "generic", "db", f"--from-literal=password={PASSWORD}")
    shop.apply(reading(deployment("web"), "db", "password"))
    shop.rolled_out("deployment/web")


def _with_a_volume(shop: Kube) -> None:
    """web with a claim that is bound, in a cluster where each snapshot is ready at once."""
    snapshots.install(shop, ready=True)
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": shop.namespace}
    shop.apply(
        {
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": shop.namespace},
            "spec": claim | {"capacity": {"storage": "1Gi"}, "hostPath": {"path": "/nowhere"}},
        },
        {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": claim | {"resources": {"requests": {"storage": "1Gi"}}},
        },
    )  # fmt: skip
    web = deployment("web", replicas=1)
    web["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    shop.apply(web)
    shop.rolled_out("deployment/web")


PASSWORD = "hunter2"
NEWER = {"set": [{"path": "spec.template.spec.containers[web].image", "value": "localhost/web:v2"}]}
TOOL = {"template": {"template": {"spec": {"containers": [{"name": "tool", "image": "localhost/tool:v1"}]}}}}


def _bound(shop: Kube) -> None:
    _healthy(shop)
    shop.run("create", "serviceaccount", "web")
    shop.run("create", "role", "reads", "--verb=list", "--resource=pods")
    shop.run("create", "rolebinding", "reads", "--role=reads", f"--serviceaccount={shop.namespace}:web")


def _on_the_first_node(shop: Kube) -> None:
    shop.apply(on_one_node(shop, replicas=2, node=f"{shop.namespace}-0"))
    shop.rolled_out("deployment/web")


EVIDENCE = step("evidence", "collectEvidence")
SNAPSHOT = {"deleteOnUndo": True}
ROTATE = {"secret": "db", "keys": ["password"]}
BLOCK = {"cidrs": ["203.0.113.7,2001:db8::/48"], "ttl": "1h"}
REMEDIES = {
    "restart": Remedy("restart", (EVIDENCE, step("mend", "rollingRestart")), _healthy),
    "rollback": Remedy("rollback", (EVIDENCE, step("mend", "rollback")), _broken),
    "isolate": Remedy("isolate", (EVIDENCE, step("mend", "isolate", {"ttl": "1h"}, undo="OnResolve")), _healthy),
    "rotate": Remedy("rotate", (step("mend", "rotateSecret", ROTATE, undo="OnResolve"),), _reading_a_secret),
    "snapshot": Remedy("snapshot", (step("mend", "snapshotVolumes", SNAPSHOT, undo="OnResolve"),), _with_a_volume),
    "block": Remedy("block", (step("mend", "blockIPs", BLOCK, undo="OnResolve"),), _shielded),
    "scale": Remedy("scale", (step("mend", "scale", {"by": 2}, undo="OnResolve"),), _healthy),
    "patch": Remedy("patch", (step("mend", "patch", NEWER, undo="OnResolve"),), _healthy),
    "runjob": Remedy("runjob", (step("mend", "runJob", TOOL),), _healthy),
    "lock": Remedy("lock", (step("mend", "lockAccount", {"serviceAccount": "web"}, undo="OnResolve"),), _bound),
    "delete-pods": Remedy("delete-pods", (step("mend", "deletePods", {"oldest": 2, "most": 2}),), _healthy),
    "cordon": Remedy(
        "cordon", (step("mend", "cordon", undo="OnResolve"),), _healthy, "Node", clusterwide=("cordon",), nodes=2
    ),
    "drain": Remedy(
        "drain", (step("mend", "drain", undo="OnResolve"),), _on_the_first_node, "Node", clusterwide=("drain",), nodes=2
    ),
}
#: Writes of a clean run, in order: what is killed around. A change of the protocol shows here first.
CLEAN_WRITES = {
    "restart": ["PUT incidents", "POST secrets", "PUT incidents", "PATCH deployments", "PUT incidents", "PUT incidents"],
    "rollback": ["PUT incidents", "POST secrets", "PUT incidents", "PATCH deployments", "PUT incidents", "PUT incidents"],
    "lock": [
        "PUT incidents", "PATCH rolebindings", "PUT incidents", "PUT incidents", "PUT incidents", "PATCH rolebindings",
        "PUT incidents", "PUT incidents",
    ],
    "isolate": [
        "PUT incidents", "POST secrets", "PUT incidents", "POST networkpolicies", "PUT incidents", "PUT incidents",
        "PUT incidents", "DELETE networkpolicies", "PUT incidents", "PUT incidents",
    ],
    "rotate": [
        "PUT incidents", "POST secrets", "PUT incidents", "POST secrets", "PATCH secrets", "PATCH deployments",
        "PUT incidents", "PUT incidents", "PUT incidents", "PATCH secrets", "PATCH deployments", "DELETE secrets",
        "PUT incidents", "PUT incidents",
    ],
    "snapshot": [
        "PUT incidents", "POST volumesnapshots", "PUT incidents", "PUT incidents", "PUT incidents",
        "DELETE volumesnapshots", "PUT incidents", "PUT incidents",
    ],
    "block": [
        "PUT incidents", "POST networkpolicies", "PUT incidents", "PUT incidents", "PUT incidents",
        "DELETE networkpolicies", "PUT incidents", "PUT incidents",
    ],
    "scale": [
        "PUT incidents", "PATCH deployments", "PUT incidents", "PUT incidents", "PUT incidents", "PATCH deployments",
        "PUT incidents", "PUT incidents",
    ],
    "patch": [
        "PUT incidents", "PATCH deployments", "PUT incidents", "PUT incidents", "PUT incidents", "PATCH deployments",
        "PUT incidents", "PUT incidents",
    ],
    # Of the Job's uid, so that it is never run twice; and of its logs' digests, before they are kept.
    "runjob": [
        "PUT incidents", "POST jobs", "PUT incidents", "PUT incidents", "POST secrets", "PUT incidents", "PUT incidents",
    ],
    "delete-pods": [
        "PUT incidents", "POST secrets", "PUT incidents", "POST eviction", "POST eviction", "PUT incidents", "PUT incidents",
    ],
    "cordon": [
        "PUT incidents", "PATCH nodes", "PATCH nodes", "PUT incidents", "PUT incidents", "PUT incidents",
        "PATCH nodes", "PUT incidents", "PUT incidents",
    ],
    "drain": [
        "PUT incidents", "POST secrets", "PUT incidents", "PATCH nodes", "PATCH nodes", "POST eviction", "POST eviction",
        "PUT incidents", "PUT incidents", "PUT incidents", "PATCH nodes", "PUT incidents", "PUT incidents",
    ],
}  # fmt: skip


def _ended(shop: Kube, remedy: Remedy, operator: Operator) -> Object:
    """The incident, once it has ended; the operator is started again whenever it was killed."""
    shop.apply(playbook("mend", *remedy.steps), incident("slow", _target(shop, remedy), "mend", kind=remedy.kind))

    def ended(obj: Object) -> bool:
        if operator.exit_code is not None:
            operator.start()
        return obj.get("status", {}).get("phase") in ("Resolved", "Failed")

    return shop.wait_for("incident", "slow", ended, seconds=60)


def _short(path: str) -> str:
    """The resource that a path leads to, or its subresource where that is what is written."""
    parts = path.split("/namespaces/")[1].split("/")[1:] if "/namespaces/" in path else path.split("/")[3:]
    return "eviction" if parts[-1] == "eviction" else parts[0]


def _kinds(proxy: FaultProxy) -> list[str]:
    """Writes that were accepted, by method and resource, those of playbooks aside."""
    found = [f"{write.method} {_short(write.path)}" for write in proxy.writes if write.status < 300]
    return [item for item in found if not item.endswith("playbooks")]


def _outcome(shop: Kube, remedy: Remedy, found: Object) -> Object:
    """What is left, without what differs from run to run."""
    web = shop.get("deployment", "web")
    template = web["spec"]["template"]
    return {
        "phase": found["status"]["phase"],
        "steps": [(item["name"], item["state"], item["attempt"]) for item in found["status"]["steps"]],
        "generation": web["metadata"]["generation"],
        "replicas": web["spec"]["replicas"],
        "jobs": len(shop.list("jobs", "-l", OURS)),
        "image": template["spec"]["containers"][0]["image"],
        "restarted": sorted(template["metadata"].get("annotations", {})),
        "password": [item["data"]["password"] for item in shop.list("secrets") if item["metadata"]["name"] == "db"],
        "secrets": len(shop.list("secrets", "-l", OURS)),
        "policies": len(shop.list("networkpolicies", "-l", OURS)),
        "snapshots": len(shop.list("volumesnapshots")) if snapshots.is_installed(shop) else 0,
        "deleted": len(found["status"]["steps"][-1].get("outputs", {}).get("deleted", [])),
        "cordoned": cordoned(shop) if remedy.nodes else [],
        "left": len(pods_on(shop, f"{shop.namespace}-0")) if remedy.nodes else 0,
        "evidence": sorted(item["kind"] for item in found["status"].get("evidence", [])),
    }


@pytest.mark.parametrize("name", REMEDIES)
def test_every_kill_around_every_write_ends_like_a_clean_run(
    name: str, installed: Kube, real_kubeconfig: str, start_operator: Callable[..., Operator]
) -> None:
    remedy = REMEDIES[name]
    runs = Runs(installed, real_kubeconfig, start_operator, remedy)
    clean = runs.one("clean", None)
    assert clean.writes == CLEAN_WRITES[name]
    assert clean.outcome["phase"] == "Resolved"

    moments: tuple[Moment, ...] = ("before", "after")
    kills = [(number, moment) for number in range(1, len(clean.writes) + 1) for moment in moments]
    # How many nodes may be cordoned at a time counts for the whole cluster, so that such runs would meet.
    with ThreadPoolExecutor(1 if remedy.nodes else _SIDE_BY_SIDE) as pool:
        ends = list(pool.map(lambda kill: runs.one(f"{kill[1]}-{kill[0]}", kill), kills))
    for (number, moment), end in zip(kills, ends, strict=True):
        where = f"killed {moment} write {number} ({clean.writes[number - 1]})"
        assert end.outcome == clean.outcome, where
        assert end.effects == clean.effects, where


@dataclass(frozen=True)
class End:
    """How a run ended, and its writes in order."""

    outcome: Object
    writes: list[str]

    @property
    def effects(self) -> Counter[str]:
        """How often each kind of object was changed by an effect."""
        return Counter(item for item in self.writes if not item.endswith("incidents"))


@dataclass(frozen=True)
class Runs:
    """Runs of one remedy, each in a namespace of its own, behind a proxy of its own."""

    installed: Kube
    kubeconfig: str
    start_operator: Callable[..., Operator]
    remedy: Remedy

    def one(self, label: str, kill: tuple[int, Moment] | None) -> End:
        """One run; killed at one write, if told so."""
        shop = self.installed.within(f"k-{self.remedy.name}-{label}")
        self.installed.run("create", "namespace", shop.namespace)
        proxy = FaultProxy(self.kubeconfig).start()
        try:
            with ExitStack() as stack:
                self._set_up(shop, stack)
                return self._run(shop, proxy, kill)
        finally:
            proxy.stop()
            self.installed.run("delete", "namespace", shop.namespace, "--wait=false")
            self.installed.run("delete", "pv", shop.namespace, "--ignore-not-found", "--wait=false")

    def _set_up(self, shop: Kube, stack: ExitStack) -> None:
        shop.apply(*account_with(*ALL_ROLES))
        if self.remedy.nodes:
            stack.enter_context(node_rights(shop, *self.remedy.clusterwide))
            stack.enter_context(own_nodes(shop, self.remedy.nodes))
        self.remedy.set_up(shop)

    def _run(self, shop: Kube, proxy: FaultProxy, kill: tuple[int, Moment] | None) -> End:
        operator = self.start_operator(shop, kubeconfig=proxy.kubeconfig())
        shop.apply(playbook("mend", *self.remedy.steps))
        shop.wait_for("playbook", "mend", lambda obj: obj.get("status"))
        proxy.writes.clear()
        if kill is not None:
            proxy.arm(*kill, operator.kill)
        found = _ended(shop, self.remedy, operator)
        if kill is not None:
            assert proxy.struck, f"write {kill[0]} was never reached"
        outcome = _outcome(shop, self.remedy, found)
        operator.stop()
        return End(outcome, _kinds(proxy))
