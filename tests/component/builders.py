"""A namespace on a FakeCluster, an operator at work in it, and a clock that only these tests move."""

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from paramedic.clock import ManualClock
from paramedic.cluster.api import Api
from paramedic.cluster.fake import FakeCluster, FakeHttp, Logged, Moment
from paramedic.cluster.fake_paths import Address
from paramedic.cluster.fake_workloads import FakeWorkloads
from paramedic.cluster.transport import Request, Unavailable
from paramedic.engine.lifecycle import ENDED
from paramedic.holds import Holds
from paramedic.index import IncidentIndex
from paramedic.metrics import Metrics
from paramedic.model.names import service_account_user
from paramedic.model.objects import Object
from paramedic.model.references import (
    DEPLOYMENT,
    INCIDENT,
    JOB,
    NETWORK_POLICY,
    SECRET,
    Resource,
)
from paramedic.notify.recording import RecordingNotifier
from paramedic.outbox import Outbox
from paramedic.pause import PauseSwitch
from paramedic.publisher import Publisher
from paramedic.reconciler import Reconciler
from support.objects import ACCOUNT, deployment, incident, playbook, reading, secret, step, with_image

NAMESPACE = "shop"
HOME = "paramedic-system"
USER = service_account_user(NAMESPACE, ACCOUNT)
HEALTH = "http://web.shop/healthz"
OLD_PASSWORD = base64.b64encode(b"hunter2").decode()
_LONGEST_STEP = timedelta(seconds=2)


@dataclass
class StrikeAt:
    """A fault that strikes once, at the write with this number, from 1, before it happens or after it."""

    number: int
    moment: Moment
    error: type[BaseException] = Unavailable
    count: int = field(default=0, init=False)
    struck: bool = field(default=False, init=False)

    def __call__(self, request: Request, moment: Moment) -> None:
        self.count += moment == "before"
        if not self.struck and (self.count, moment) == (self.number, self.moment):
            self.struck = True
            raise self.error(f"struck {moment} {request.method} {request.path}")


class Killed(BaseException):
    """The operator's process ends here; what it held in memory is lost."""


@dataclass
class Ward:
    """The namespace `shop` with the Deployment `web`, which has run v1 and now runs ``image``."""

    image: str = "web:v2"
    ticks: int = 0
    deployment_spec: Object = field(default_factory=dict)
    leads: bool = True

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.cluster = FakeCluster(self.clock)
        self.http = FakeHttp()
        self.notifier = RecordingNotifier()
        self.workloads = FakeWorkloads(self.cluster)
        self.account()
        self.add(deployment("web", "web:v1", **self.deployment_spec))
        self.workloads.tick()
        self.deploy(self.image)
        self.workloads.ticks = self.ticks
        self.start()

    # --- what there is

    def add(self, *objects: Object) -> list[Object]:
        """Stores objects in the namespace."""
        copies = [copy.deepcopy(obj) for obj in objects]
        for obj in copies:
            obj["metadata"].setdefault("namespace", NAMESPACE)
        return self.cluster.add(*copies)

    def account(self, name: str = ACCOUNT) -> None:
        self.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})

    def deploy(self, image: str, name: str = "web") -> None:
        """Somebody rolls out another image, and the controllers follow."""
        template = with_image(self.get(DEPLOYMENT, name), image)["spec"]["template"]
        self.cluster.edit(DEPLOYMENT, NAMESPACE, name, {"spec": {"template": template}})
        self.workloads.tick()

    def get(self, resource: Resource, name: str) -> Object:
        """An object that is there."""
        found = self.cluster.find(resource, NAMESPACE, name)
        assert found is not None, f"there is no {resource.kind} {name}"
        return found

    def image_of(self, name: str = "web") -> str:
        return str(self.get(DEPLOYMENT, name)["spec"]["template"]["spec"]["containers"][0]["image"])

    @property
    def policies(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.cluster.all(NETWORK_POLICY, NAMESPACE)]

    @property
    def secrets(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.cluster.all(SECRET, NAMESPACE)]

    # --- what people do

    async def open(
        self, *steps: Object, name: str = "one", target: str = "web", rules: Any = None, **spec: Any
    ) -> None:
        """Opens an incident with a playbook of these steps, which the operator has not looked at yet.

        ``rules`` are fields of the playbook, ``spec`` of the incident.
        """
        self.add(playbook(name, *steps, **(rules or {})))
        body = incident(name, target, name, **spec)
        body["metadata"]["namespace"] = NAMESPACE
        await self.cluster.send(Request("POST", INCIDENT.path(NAMESPACE), body=body))

    async def alert(
        self, name: str, target: str = "web", annotations: dict[str, str] | None = None, **spec: Any
    ) -> None:
        """An alert opens an incident, as the receiver stores it: no playbook is named."""
        body = incident(name, target, "", **spec)
        del body["spec"]["playbookRef"]
        if not target:
            del body["spec"]["targetRef"]
        body["metadata"] |= {"namespace": NAMESPACE, "annotations": annotations or {}}
        await self.cluster.send(Request("POST", INCIDENT.path(NAMESPACE), body=body))

    def alert_state(self, state: str, name: str = "one") -> None:
        """What Alertmanager said last, as the receiver writes it down."""
        self.cluster.store.update(
            Address(INCIDENT, NAMESPACE, name, "status"),
            {**self.get(INCIDENT, name), "status": {**self.status(name), "alert": {"state": state}}},
        )

    def edit(self, spec: Object, name: str = "one") -> None:
        """Somebody changes the spec of an incident."""
        self.cluster.edit(INCIDENT, NAMESPACE, name, {"spec": spec})

    def answer(self, step_name: str, decision: str, name: str = "one", plan_hash: str | None = None) -> None:
        """Somebody answers a waiting step, having seen the plan as it is."""
        seen = self.status(name)["plan"]["hash"] if plan_hash is None else plan_hash
        entry = {"step": step_name, "decision": decision, "by": "alice", "planHash": seen, "note": "as agreed"}
        self.edit({"approvals": [entry]}, name)

    # --- the operator

    def start(self) -> None:
        """A new process: whatever the one before held in memory is gone."""
        self.api = Api(self.cluster, self.http, home=HOME)
        self.metrics = Metrics()
        publisher = Publisher(self.api, self.clock, self.metrics)
        self.index = IncidentIndex()
        self.outbox = Outbox(self.api, self.notifier, self.metrics, lambda: self.leads, lambda key: None)
        self.holds = Holds(self.api, self.clock, HOME, lambda: self.leads)
        self.pause = PauseSwitch(self.api, HOME, self.metrics)
        self.reconciler = Reconciler(
            self.api, self.clock, publisher, self.outbox, self.pause, self.index, lambda: self.leads
        )

    async def look(self, name: str = "one") -> timedelta | None:
        """The operator looks at an incident once; then the controllers go one tick on."""
        try:
            return await self.reconciler.reconcile((NAMESPACE, name))
        finally:
            self.workloads.tick()
            for item in self.cluster.all(INCIDENT):
                self.index.see(item)
            await self.outbox.idle(1.0)

    async def run(self, *until: str, name: str = "one", within: timedelta = timedelta(hours=3)) -> Object:
        """Lets time pass and the operator work until the incident is in one of these phases, by default an ended one.

        Gives the status. An API server that does not answer is asked again; a killed operator is started again.
        """
        end = self.clock.now() + within
        while True:
            after: timedelta | None = None
            try:
                after = await self.look(name)
            except Unavailable:
                after = timedelta(seconds=1)
            except Killed:
                self.start()
            if self.status(name).get("phase") in (until or ENDED):
                return self.status(name)
            assert self.clock.now() < end, f"not {until or 'ended'} within {within}: {self.status(name)}"
            self.clock.advance(_LONGEST_STEP if after is None else min(after, _LONGEST_STEP))

    async def pass_time(self, span: timedelta, name: str = "one") -> Object:
        """Lets this much time pass, with the operator at work."""
        end = self.clock.now() + span
        while self.clock.now() < end:
            self.clock.advance(min(_LONGEST_STEP, end - self.clock.now()))
            await self.look(name)
        return self.status(name)

    # --- what came of it

    def status(self, name: str = "one") -> Object:
        found: Object = self.get(INCIDENT, name).get("status", {})
        return found

    def step(self, step_name: str, name: str = "one") -> Object:
        found: Object = next(item for item in self.status(name)["steps"] if item["name"] == step_name)
        return found

    def states(self, name: str = "one") -> dict[str, str]:
        return {item["name"]: item["state"] for item in self.status(name)["steps"]}

    def condition(self, kind: str, name: str = "one") -> Object:
        found: Object = next(item for item in self.status(name)["conditions"] if item["type"] == kind)
        return found

    @property
    def effects(self) -> list[Logged]:
        """The writes that were done as a playbook's account and stored."""
        return [item for item in self.cluster.writes if item.request.account]


def rotating_ward() -> Ward:
    """The Deployment web, whose Pods read the Secret db."""
    ward = Ward()
    stored = secret("db") | {"type": "Opaque", "data": {"password": OLD_PASSWORD}}
    del stored["stringData"]
    ward.add(stored)
    template = reading(ward.get(DEPLOYMENT, "web"), "db", "password")["spec"]["template"]
    ward.cluster.edit(DEPLOYMENT, "shop", "web", {"spec": {"template": template}})
    ward.workloads.tick()
    return ward


def play_jobs(ward: Ward) -> None:
    """Plays the Job controller and the kubelet too: a Job has one Pod, and is complete two ticks after it was made."""
    ages: dict[str, int] = {}
    others = ward.workloads.tick

    def tick() -> None:
        others()
        for job in ward.cluster.all(JOB):
            meta = job["metadata"]
            ages[meta["uid"]] = ages.get(meta["uid"], 0) + 1
            if ages[meta["uid"]] == 2:
                _complete(ward, job)

    ward.workloads.tick = tick  # type: ignore[method-assign]


def _complete(ward: Ward, job: Object) -> None:
    meta = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
    container = job["spec"]["template"]["spec"]["containers"][0]["name"]
    state = {"terminated": {"exitCode": 0}}
    pod = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-x", "namespace": NAMESPACE, "ownerReferences": [owner],
            "labels": {"batch.kubernetes.io/job-name": meta["name"]},
        },
        "spec": job["spec"]["template"]["spec"],
        "status": {"phase": "Succeeded", "containerStatuses": [{"name": container, "state": state}]},
    }  # fmt: skip
    ward.add(pod)
    ward.cluster.logs[NAMESPACE, pod["metadata"]["name"], container, False] = b"restored\n"
    status = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    ward.cluster.store.update(Address(JOB, NAMESPACE, meta["name"], "status"), {**job, "status": status})


def calls(fault: Callable[[], object], method: str, kind: Resource) -> Callable[[Request, Moment], None]:
    """A fault that does something in the cluster just before the first write of this method to this kind."""
    waiting = [fault]

    def strike(request: Request, moment: Moment) -> None:
        if waiting and moment == "before" and request.method == method and f"/{kind.plural}" in request.path:
            waiting.pop()()

    return strike


__all__ = [
    "HEALTH",
    "NAMESPACE",
    "USER",
    "Killed",
    "StrikeAt",
    "Ward",
    "calls",
    "deployment",
    "play_jobs",
    "playbook",
    "step",
]
