"""The operator says so when nothing checks who approves."""

import logging
from typing import Any

import pytest

from paramedic.admission import OPENED_BY, VALIDATING, AdmissionWatch
from paramedic.clock import ManualClock
from paramedic.cluster.transport import ApiError, Request, Unavailable
from paramedic.metrics import Metrics

Object = dict[str, Any]
POLICIES = (*VALIDATING, OPENED_BY)


class Server:
    """An API server with the objects at these paths."""

    def __init__(self, objects: dict[str, Object]) -> None:
        self.objects = objects
        self.refusal: Exception | None = None

    async def send(self, request: Request) -> Any:
        if self.refusal is not None:
            raise self.refusal
        if request.path not in self.objects:
            raise ApiError(404, "NotFound", "not found")
        return self.objects[request.path]

    async def close(self) -> None:
        """Nothing is open."""


def everything() -> dict[str, Object]:
    found: dict[str, Object] = {}
    for policy in POLICIES:
        found[policy.resource.path(None, policy.name)] = {"spec": {"failurePolicy": "Fail"}}
        binding = {"policyName": policy.name} | ({"validationActions": ["Deny"]} if policy in VALIDATING else {})
        found[policy.binding.path(None, policy.name)] = {"spec": binding}
    return found


def path(name: str, kind: str = "binding") -> str:
    (policy,) = [item for item in POLICIES if item.name == name]
    return getattr(policy, kind).path(None, name)


class Room:
    """A watch on a server, with its metric and its log."""

    def __init__(self, objects: dict[str, Object], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "paramedic.admission")
        self.server, self.metrics, self.clock, self._caplog = Server(objects), Metrics(), ManualClock(), caplog
        self.watch = AdmissionWatch(self.server, self.clock, self.metrics)

    async def look(self) -> tuple[float | None, list[tuple[str, str]]]:
        """The metric, and what was logged: level and text."""
        self._caplog.clear()
        await self.watch.look()
        told = [(record.levelname, record.getMessage()) for record in self._caplog.records]
        return self.metrics.registry.get_sample_value("paramedic_admission_enforced"), told


async def test_policies_that_are_all_there_are_said_to_be_enforced(caplog: pytest.LogCaptureFixture) -> None:
    enforced, told = await Room(everything(), caplog).look()
    assert (enforced, told) == (1, [("INFO", "the API server checks who opens, approves and cancels")])


async def test_a_cluster_without_them_is_warned_of_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    enforced, told = await Room({}, caplog).look()
    assert enforced == 0
    ((level, text),) = told
    assert level == "WARNING"
    assert "who opens, approves and cancels is NOT CHECKED" in text
    assert "there is no ValidatingAdmissionPolicy paramedic-approve" in text
    assert "kubectl apply -k manifests/admission" in text


@pytest.mark.parametrize(
    ("name", "kind", "change", "text"),
    [
        ("paramedic-approve", "binding", None, "there is no ValidatingAdmissionPolicyBinding paramedic-approve for it"),
        ("paramedic-open", "binding", {"spec": {"policyName": "other"}}, "there is no"),
        (
            "paramedic-respond",
            "binding",
            {"spec": {"policyName": "paramedic-respond", "validationActions": ["Audit"]}},
            "ValidatingAdmissionPolicyBinding paramedic-respond does not deny (validationActions)",
        ),
        ("paramedic-playbooks", "resource", {"spec": {"failurePolicy": "Ignore"}}, "(failurePolicy: Ignore)"),
    ],
)
async def test_a_policy_that_is_not_in_force_is_named(
    name: str, kind: str, change: Object | None, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    objects = everything()
    if change is None:
        del objects[path(name, kind)]
    else:
        objects[path(name, kind)] = change
    enforced, ((level, said),) = await Room(objects, caplog).look()
    assert (enforced, level) == (0, "WARNING")
    assert text in said and name in said


async def test_without_the_mutating_policy_the_checks_hold_and_the_empty_field_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    objects = everything()
    del objects[path(OPENED_BY.name, "resource")]
    enforced, ((level, said),) = await Room(objects, caplog).look()
    assert (enforced, level) == (1, "WARNING")
    assert "spec.openedBy is NOT FILLED IN: there is no MutatingAdmissionPolicy paramedic-opened-by" in said


async def test_a_binding_for_some_namespaces_is_said_to_be_limited(caplog: pytest.LogCaptureFixture) -> None:
    objects = everything()
    objects[path("paramedic-open")]["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": {"team": "shop"}}}
    objects[path("paramedic-respond")]["spec"]["matchResources"] = {"namespaceSelector": {}, "objectSelector": {}}
    enforced, told = await Room(objects, caplog).look()
    assert enforced == 1
    assert told[1:] == [("INFO", "only where the matchResources of their bindings match: paramedic-open")]


async def test_a_role_that_may_not_look_is_said_to_be_missing(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(everything(), caplog)
    room.server.refusal = ApiError(
        403,
        "Forbidden",
        'validatingadmissionpolicies.admissionregistration.k8s.io "paramedic-open" is forbidden: User '
        '"system:serviceaccount:paramedic-system:paramedic" cannot get resource "validatingadmissionpolicies" in API '
        'group "admissionregistration.k8s.io" at the cluster scope',
    )
    enforced, ((level, said),) = await room.look()
    assert (enforced, level) == (0, "WARNING")
    assert "NOT KNOWN" in said and "ClusterRole paramedic-admission" in said
    assert '"get validatingadmissionpolicies.admissionregistration.k8s.io"' in said
    assert (await room.look())[1] == []


async def test_what_changes_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    room = Room({}, caplog)
    await room.look()
    assert await room.look() == (0, [])
    room.server.objects = everything()
    enforced, ((level, _),) = await room.look()
    assert (enforced, level) == (1, "INFO")
    assert await room.look() == (1, [])


async def test_an_api_server_that_does_not_answer_changes_nothing_and_is_asked_again_soon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room(everything(), caplog)
    await room.look()
    room.server.refusal = Unavailable("no answer")
    assert (await room.look())[0] == 1
    assert not await room.watch.look()


async def test_it_looks_every_five_minutes_and_sooner_after_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(everything(), caplog)
    slept: list[float] = []

    class Enough(Exception):
        pass

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        room.server.refusal = Unavailable("no answer")
        if len(slept) == 2:
            raise Enough

    room.clock.sleep = sleep  # type: ignore[method-assign]
    with pytest.raises(Enough):
        await room.watch.keep()
    assert slept == [300.0, 15.0]
