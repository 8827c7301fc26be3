"""Every action shows in a DryRun exactly what it then writes when it is executed: which objects, how, and each field.

Both runs begin in the same world: same objects, same uids, same moment. So the names and digests that an action makes of them
are the same too, and nothing needs to be left out of the comparison but what only the API server writes.
"""

import copy
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from component.builders import Ward, play_jobs, step
from paramedic.actions.contract import Action
from paramedic.actions.effects import Send
from paramedic.actions.registry import ACTIONS
from paramedic.cluster import fake_store
from paramedic.cluster.fake import Moment
from paramedic.cluster.fake_paths import address_of
from paramedic.cluster.transport import ApiError, Request
from paramedic.model.differences import HIDDEN, HIDDEN_OTHER
from paramedic.model.names import HOLD_ANNOTATION
from paramedic.model.objects import Object
from paramedic.model.references import LEASE, POD

_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
_SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp")


@dataclass(frozen=True)
class Scenario:
    """A step, and the world in which it has something to change."""

    action: str
    parameters: Object = field(default_factory=dict)
    world: Callable[[], Ward] = Ward
    #: Kinds that it writes once others have answered, with what they say: nobody can show that before.
    later: tuple[str, ...] = ()

    async def run(self, mode: str) -> tuple[Ward, list["Write"]]:
        """A ward in which an incident of one step has ended, and what was written as the playbook's account."""
        ward = self.world()
        writes = recorded(ward)
        await ward.open(step("act", self.action, self.parameters), mode=mode)
        status = await ward.run("Waiting", "Resolved", "Failed", "Planned")
        if status["phase"] == "Waiting":
            ward.answer("act", "Approve")
            status = await ward.run()
        wanted = "Planned" if mode == "DryRun" else "Resolved"
        assert status["phase"] == wanted, status["message"]
        return ward, writes


@dataclass
class Write:
    """One write as it was stored: the object before and after."""

    verb: str
    name: str
    before: Object | None
    after: Object | None = None


def answering() -> Ward:
    """A world with an endpoint that an admin allowed."""
    ward = Ward(image="web:v1")
    ward.http.allow(ENDPOINT)
    ward.http.set(ENDPOINT, 200)
    return ward


def bound(ward: Ward) -> Ward:
    """A world with an account that two bindings name."""
    ward.account("web")
    for name in ("reads", "writes"):
        meta = {"name": name, "namespace": "shop"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        subjects = [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}, {"kind": "User", "name": "alice"}]
        kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding"}
        ward.add(kind | {"metadata": meta, "roleRef": role, "subjects": subjects})
    return ward


ENDPOINT = "https://flags.example.com/v1"


def with_jobs() -> Ward:
    ward = Ward()
    play_jobs(ward)
    return ward


def with_nodes() -> Ward:
    """A world of three nodes, with all Pods on the first."""
    ward = Ward(image="web:v1")
    for number in range(3):
        ready = [{"type": "Ready", "status": "True"}]
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"n{number}"}, "status": {"conditions": ready}}
        ward.cluster.add(node)
    for pod in ward.workloads.pods("shop", "web"):
        ward.cluster.edit(POD, "shop", pod["metadata"]["name"], {"spec": {"nodeName": "n0"}})
    return ward


JOB = {"template": {"template": {"spec": {"containers": [{"name": "fix", "image": "web:v1"}]}}}}
SCENARIOS = (
    Scenario("collectEvidence"),
    Scenario("rollingRestart"),
    Scenario("rollback", world=lambda: Ward(image="web:broken")),
    Scenario("rollback", {"toRevision": 1}),
    Scenario("scale", {"by": 1}),
    Scenario("patch", {"set": [{"path": "spec.minReadySeconds", "value": 5}]}),
    Scenario("runJob", JOB, with_jobs, later=("Secret/",)),  # its logs are kept once there are any
    Scenario("deletePods", {"oldest": 2, "most": 2}, with_nodes),
    Scenario("cordon", {"node": "n0"}, with_nodes),
    Scenario("drain", {"node": "n0"}, with_nodes),
    Scenario("isolate", {"ttl": "1h", "allowDNS": True}),
    Scenario("blockIPs", {"cidrs": ["203.0.113.7"]}),
    Scenario("http", {"url": ENDPOINT, "body": {"on": False}, "headers": {"X-Team": "shop"}}, world=answering),
    Scenario("lockAccount", {"serviceAccount": "web"}, world=lambda: bound(Ward(image="web:v1"))),
    Scenario("wait", {"duration": "1s"}),  # it has something to wait for, and nothing to write
)


@pytest.fixture(autouse=True)
def same_uids(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Objects that are created in the same order get the same uids, from the start at each call of what it gives."""
    counter = 0

    def start() -> None:
        nonlocal counter
        counter = 0

    def next_uid() -> uuid.UUID:
        nonlocal counter
        counter += 1
        return uuid.uuid5(uuid.NAMESPACE_OID, str(counter))

    class Uids:
        uuid4 = staticmethod(next_uid)

    monkeypatch.setattr(fake_store, "uuid", Uids)
    yield start


def changing() -> set[str]:
    """The actions that may write something: all that observe what became of it."""
    return {name for name, action in ACTIONS.items() if type(action).observe is not Action.observe}


def test_every_action_that_may_write_something_is_in_the_table() -> None:
    assert {item.action for item in SCENARIOS} == changing()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda item: f"{item.action}{item.parameters or ''}")
async def test_a_dry_run_shows_exactly_what_is_then_written(scenario: Scenario, same_uids: Callable[[], None]) -> None:
    same_uids()
    rehearsal, nothing = await scenario.run("DryRun")
    same_uids()
    _, writes = await scenario.run("Execute")

    assert nothing == []
    # The evidence that is kept before what destroys it is a step of its own.
    shown = [change for item in rehearsal.status()["steps"] for change in item.get("changes", [])]
    writes = [item for item in writes if not item.name.startswith(scenario.later)]
    assert [(item["verb"], item["object"]) for item in shown] == [(item.verb, item.name) for item in writes]
    for change, write in zip(shown, writes, strict=True):
        assert change.get("fieldsLeftOut", 0) == 0
        if write.after is not None:
            assert after(change["fields"], write) == comparable(write.after)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda item: f"{item.action}{item.parameters or ''}")
async def test_the_report_of_a_dry_run_names_every_object_and_field(scenario: Scenario) -> None:
    ward, _ = await scenario.run("DryRun")
    report = ward.status()["review"].replace("\\", "")
    assert "## What would be changed" in report
    for change in ward.step("act")["changes"]:
        assert f"step act ({scenario.action}): {change['verb']} {change['object']}" in report
        assert all(f"  - {item['path']}: " in report for item in change["fields"])


def recorded(ward: Ward) -> list[Write]:
    """The writes of the playbook's account from now on."""
    writes: list[Write] = []

    def record(request: Request, moment: Moment) -> None:
        address = address_of(request.path)
        if not request.account and address.resource != LEASE:
            return
        name = address.name or request.body["metadata"]["name"]
        found = stored(ward, request, name)
        if moment == "before":
            verb = "evict" if address.subresource == "eviction" else _VERBS[request.method]
            writes.append(Write(verb, f"{address.resource.kind}/{name}", found))
        else:
            writes[-1].after = found

    def receive(effect: Send) -> None:
        writes.append(Write("send", str(effect.ref), None, effect.shown))

    ward.cluster.fault, ward.http.receive = record, receive
    return writes


def stored(ward: Ward, request: Request, name: str) -> Object | None:
    try:
        return ward.cluster.store.get(address_of(request.path).named(name))
    except ApiError:
        return None


def after(fields: list[Object], write: Write) -> Object:
    """The object before, with the shown fields put into it."""
    found = comparable(write.before or start_of(write))
    for item in fields:
        put(found, item["path"], None if item.get("after") is None else json.loads(item["after"]))
    return found


def start_of(write: Write) -> Object:
    """What a new object has before its first field: what it is and what it is called, which is shown apart."""
    assert write.after is not None
    meta = {key: write.after["metadata"][key] for key in ("name", "namespace") if key in write.after["metadata"]}
    return {"apiVersion": write.after["apiVersion"], "kind": write.after["kind"], "metadata": meta}


def put(obj: Any, path: str, value: Any) -> None:
    """Puts a value where a path such as ``metadata.annotations["a/b"]`` or ``containers[0].image`` leads."""
    parts = [
        int(index) if index else quoted or plain
        for plain, index, quoted in re.findall(r'([^.\[\]"]+)|\[(\d+)\]|\["([^"]+)"\]', path)
    ]
    for part, following in pairwise(parts):
        if isinstance(part, str) and obj.get(part) is None:
            obj[part] = [] if isinstance(following, int) else {}
        obj = obj[part]
    if value is None:
        del obj[parts[-1]]
    else:
        obj[parts[-1]] = value


def comparable(obj: Object) -> Object:
    """An object without what the API server writes; values of Secrets are the same as far as anybody may see."""
    found = {key: value for key, value in copy.deepcopy(obj).items() if key != "status"}
    found["metadata"] = {key: value for key, value in found["metadata"].items() if key not in _SERVERS_OWN}
    found["metadata"].get("annotations", {}).pop(
        HOLD_ANNOTATION, None
    )  # how it is taken back, which is shown for itself
    if found["kind"] == "Secret":
        for key in ("data", "stringData"):
            if key in found:
                found[key] = dict.fromkeys(found[key], HIDDEN)
    return json.loads(json.dumps(found).replace(HIDDEN_OTHER, HIDDEN))  # type: ignore[no-any-return]
