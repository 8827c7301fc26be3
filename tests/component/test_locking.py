"""lockAccount on a cluster: what it writes, how it ends, also without its Incident, and when the operator dies around it."""

from datetime import timedelta
from typing import Any

import pytest

from component.builders import HOME, USER, Killed, StrikeAt, Ward, step
from component.test_isolation import sweeper_of
from paramedic.cluster.fake import Moment
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, LEASE, ROLE_BINDING
from paramedic.reconciler import NotLeading

WEB = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
ALICE = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}
LOCK_URL, UNLOCK_URL = "https://idp.example.com/v1/lock", "https://idp.example.com/v1/unlock"
IDP = {"account": "alice", "lock": {"url": LOCK_URL}, "unlock": {"url": UNLOCK_URL}}
HOUR = timedelta(hours=1, minutes=1)


def binding(name: str, *subjects: Object) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": list(subjects),
    }  # fmt: skip


def bound() -> Ward:
    ward = Ward(image="web:v1")
    ward.account("web")
    ward.add(binding("one", WEB, ALICE), binding("two", WEB))
    return ward


async def locked(ward: Ward, params: Any = None, **options: Any) -> Ward:
    await ward.open(step("lock", "lockAccount", params or {"serviceAccount": "web", "ttl": "1h"}, **options))
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    return ward


def with_provider() -> Ward:
    ward = Ward(image="web:v1")
    ward.http.allow("https://idp.example.com/v1")
    ward.http.set(LOCK_URL, 200)
    ward.http.set(UNLOCK_URL, 200)
    return ward


def subjects(ward: Ward, name: str) -> list[Object]:
    found: list[Object] = ward.get(ROLE_BINDING, name).get("subjects", [])
    return found


def is_locked(ward: Ward) -> bool:
    return WEB not in subjects(ward, "one") + subjects(ward, "two")


def is_unlocked(ward: Ward) -> bool:
    return WEB in subjects(ward, "one") and subjects(ward, "two") == [WEB] and ALICE in subjects(ward, "one")


def notes(ward: Ward) -> list[Object]:
    return [item for item in ward.cluster.all(LEASE, HOME) if item["metadata"].get("labels")]


def sent(ward: Ward) -> list[str]:
    return [item.url for item in ward.http.sent]


async def test_an_account_is_locked_and_what_was_taken_is_recorded() -> None:
    ward = await locked(bound())
    assert is_locked(ward)
    assert subjects(ward, "one") == [ALICE]
    assert [item["subjects"] for item in ward.step("lock")["intent"]["bindings"]] == [[WEB], [WEB]]
    assert ward.step("lock")["outputs"]["bindings"] == ["RoleBinding/one", "RoleBinding/two"]


async def test_that_it_ends_is_written_down_by_the_operator_itself_before_anything_is_taken() -> None:
    ward = bound()
    seen: list[bool] = []
    ward.cluster.fault = lambda request, moment: (
        seen.append(is_locked(ward)) if "/leases" in request.path and not request.account else None
    )
    await locked(ward)
    assert seen and not any(seen)
    assert len(notes(ward)) == 1


async def test_where_it_could_not_be_written_down_nothing_is_taken() -> None:
    ward = bound()
    ward.cluster.deny("", "create", "leases.coordination.k8s.io")
    await ward.open(step("lock", "lockAccount", {"serviceAccount": "web"}))
    status = await ward.run()
    assert status["phase"] == "Failed"
    assert "could not be written down in namespace paramedic-system, so it was not begun" in status["message"]
    assert is_unlocked(ward)


async def test_at_its_ttl_it_ends_by_itself_and_the_note_goes() -> None:
    ward = await locked(bound())
    await ward.pass_time(HOUR)
    assert is_unlocked(ward)
    assert ward.states() == {"lock": "Undone"}
    await sweeper_of(ward).sweep()
    assert notes(ward) == []


async def test_at_its_ttl_it_ends_although_its_incident_was_deleted() -> None:
    ward = await locked(bound())
    ward.cluster.remove(INCIDENT, "shop", "one")
    assert await sweeper_of(ward).sweep() == 0
    assert is_locked(ward)

    ward.clock.advance(HOUR)
    assert await sweeper_of(ward).sweep() == 1
    assert is_unlocked(ward)
    assert notes(ward) == []


async def test_a_living_incident_ends_its_own_lock() -> None:
    ward = await locked(bound())
    ward.clock.advance(HOUR)
    assert await sweeper_of(ward).sweep() == 0
    assert is_locked(ward)
    assert len(notes(ward)) == 1


async def test_a_run_that_is_resolved_puts_it_back_where_the_playbook_says_so() -> None:
    ward = await locked(bound(), undo="OnResolve")
    assert is_unlocked(ward)


async def test_what_cannot_be_put_back_now_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    ward = await locked(bound())
    ward.cluster.remove(INCIDENT, "shop", "one")
    ward.clock.advance(HOUR)
    ward.cluster.deny(USER, "patch", "rolebindings.rbac.authorization.k8s.io")
    sweeper = sweeper_of(ward)
    for _ in range(3):
        assert await sweeper.sweep() == 0
    assert caplog.text.count("could not be ended and is tried again") == 1
    assert len(notes(ward)) == 1

    ward.cluster.allow_all()
    assert await sweeper.sweep() == 1
    assert is_unlocked(ward)


async def test_a_note_that_says_nothing_keeps_no_other_from_its_end(caplog: pytest.LogCaptureFixture) -> None:
    ward = await locked(bound())
    ward.cluster.remove(INCIDENT, "shop", "one")
    meta = {"name": "broken", "namespace": HOME, "labels": {"paramedic.dev/hold": "lockAccount"}}
    ward.cluster.add({"apiVersion": LEASE.api_version, "kind": "Lease", "metadata": meta})
    ward.clock.advance(HOUR)
    assert await sweeper_of(ward).sweep() == 1
    assert is_unlocked(ward)
    assert "it does not say what must end" in caplog.text


async def test_an_operator_that_does_not_lead_ends_nothing() -> None:
    ward = await locked(bound())
    ward.cluster.remove(INCIDENT, "shop", "one")
    ward.clock.advance(HOUR)
    ward.leads = False
    with pytest.raises(NotLeading):
        await sweeper_of(ward).sweep()
    assert is_locked(ward)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3])
async def test_a_lock_ends_whole_whenever_the_sweeper_is_killed(write: int, moment: Moment) -> None:
    ward = await locked(bound())
    ward.cluster.remove(INCIDENT, "shop", "one")
    ward.clock.advance(HOUR)
    ward.cluster.fault = StrikeAt(write, moment, Killed)
    with pytest.raises(Killed):
        await sweeper_of(ward).sweep()
    await sweeper_of(ward).sweep()
    assert is_unlocked(ward)
    assert notes(ward) == []


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3, 4, 5])
async def test_a_kill_around_every_write_ends_like_a_clean_run(write: int, moment: Moment) -> None:
    ward = bound()
    fault = StrikeAt(write, moment, Killed)
    await ward.open(step("lock", "lockAccount", {"serviceAccount": "web", "ttl": "1h"}))
    ward.cluster.fault = fault
    status = await ward.run()
    assert fault.struck
    assert status["phase"] == "Resolved", status["message"]
    assert is_locked(ward)
    assert len(notes(ward)) == 1
    assert len(ward.effects) == 2  # each binding once


async def test_a_dry_run_says_who_and_out_of_what_and_changes_nothing() -> None:
    ward = bound()
    await ward.open(step("lock", "lockAccount", {"serviceAccount": "web"}), mode="DryRun")
    await ward.run()
    assert "taking it out of RoleBinding/one, RoleBinding/two" in ward.step("lock")["message"]
    assert is_unlocked(ward) and notes(ward) == []


# --- at an identity provider


async def test_a_provider_locks_and_at_its_ttl_unlocks() -> None:
    ward = await locked(with_provider(), {"provider": IDP, "ttl": "1h"})
    assert sent(ward) == [LOCK_URL]
    await ward.pass_time(HOUR)
    assert sent(ward) == [LOCK_URL, UNLOCK_URL]
    assert ward.states() == {"lock": "Undone"}


async def test_a_provider_unlocks_at_its_ttl_although_the_incident_was_deleted() -> None:
    ward = await locked(with_provider(), {"provider": IDP, "ttl": "1h"})
    ward.cluster.remove(INCIDENT, "shop", "one")
    ward.clock.advance(HOUR)
    assert await sweeper_of(ward).sweep() == 1
    assert sent(ward) == [LOCK_URL, UNLOCK_URL]
    assert notes(ward) == []


async def test_a_provider_that_does_not_unlock_is_asked_again_until_it_does() -> None:
    ward = await locked(with_provider(), {"provider": IDP, "ttl": "1h"})
    ward.http.set(UNLOCK_URL, 503)
    await ward.pass_time(HOUR + timedelta(minutes=5))
    assert ward.step("lock")["undo"]["state"] == "Failed"
    ward.http.set(UNLOCK_URL, 200)
    await ward.pass_time(timedelta(minutes=12))
    assert ward.states() == {"lock": "Undone"}
    assert len({item.key for item in ward.http.sent if item.url == UNLOCK_URL}) == 1


async def test_an_operator_that_died_while_it_locked_asks_and_still_unlocks_at_the_end() -> None:
    ward = with_provider()
    armed = [True]

    def die(effect: object) -> None:
        if armed and armed.pop():
            raise Killed

    ward.http.receive = die
    await ward.open(step("lock", "lockAccount", {"provider": IDP, "ttl": "1h"}))
    await ward.run("Waiting")
    assert ward.step("lock")["waitsFor"] == "Outcome"
    ward.answer("lock", "Done")
    await ward.run()
    assert sent(ward) == [LOCK_URL]
    await ward.pass_time(HOUR)
    assert sent(ward) == [LOCK_URL, UNLOCK_URL]
