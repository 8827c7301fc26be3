"""Leadership by a Lease, on a clock that stands still: at most one leads, and one that cannot renew stops by itself."""

import asyncio
from datetime import timedelta

import pytest

from paramedic.clock import ManualClock
from paramedic.cluster.fake import FakeCluster
from paramedic.cluster.transport import Unavailable
from paramedic.lease import LeaderLease, LostLease
from paramedic.model.objects import Object
from paramedic.model.references import LEASE


class Candidates:
    """Replicas of the operator on one cluster, all on one clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.clock.advance(timedelta(days=1))  # no time of this clock is small, as on a machine that has run for long
        self.cluster = FakeCluster(self.clock)

    def candidate(self, name: str, alive: bool | None = None) -> LeaderLease:
        """``alive`` is what a candidate can tell of the holder's process."""
        return LeaderLease(self.cluster, self.clock, "paramedic", identity=name, alive=lambda _: alive)

    @property
    def lease(self) -> Object:
        found = self.cluster.find(LEASE, "paramedic", "paramedic")
        assert found is not None
        return found

    @property
    def holder(self) -> str:
        return str(self.lease["spec"]["holderIdentity"])

    def away(self, *_: object) -> None:
        """An API server that lets each write hang until its time is over."""
        self.clock.advance(timedelta(seconds=10 / 3))
        raise Unavailable("timeout")


async def test_the_first_candidate_leads() -> None:
    both = Candidates()
    first = both.candidate("first")

    await first.acquire()

    assert first.leads
    assert both.holder == "first"


async def test_a_second_candidate_leads_only_after_the_duration_by_its_own_clock() -> None:
    both = Candidates()
    first, second = both.candidate("first"), both.candidate("second")
    await first.acquire()
    began = both.clock.monotonic()

    await second.acquire()  # the first one never renews

    assert both.clock.monotonic() - began >= 15
    assert second.leads and not first.leads


async def test_a_leader_that_renews_is_never_replaced() -> None:
    both = Candidates()
    first, second = both.candidate("first"), both.candidate("second")
    await first.acquire()

    for _ in range(30):
        both.clock.advance(timedelta(seconds=2))
        assert await first._try()
        assert not await second._try()


async def test_at_no_moment_do_two_lead() -> None:
    both = Candidates()
    first, second = both.candidate("first"), both.candidate("second")
    await first.acquire()

    while not await second._try():
        both.clock.advance(timedelta(milliseconds=500))
        assert not (first.leads and second.leads)

    assert second.leads and not first.leads


async def test_a_candidate_does_not_trust_the_time_that_another_wrote() -> None:
    both = Candidates()
    first, second = both.candidate("first"), both.candidate("second")
    await first.acquire()
    spec = {"renewTime": "2001-01-01T00:00:00.000000Z"}
    both.cluster.edit(LEASE, "paramedic", "paramedic", {"spec": spec})
    began = both.clock.monotonic()

    await second.acquire()

    assert both.clock.monotonic() - began >= 15


async def test_a_candidate_need_not_wait_for_a_holder_it_knows_to_be_dead() -> None:
    both = Candidates()
    await both.candidate("first").acquire()
    began = both.clock.monotonic()

    await both.candidate("second", alive=False).acquire()

    assert both.clock.monotonic() == began


async def test_a_takeover_is_counted() -> None:
    both = Candidates()
    await both.candidate("first").acquire()

    await both.candidate("second").acquire()

    assert both.lease["spec"]["leaseTransitions"] == 1


async def test_a_leader_whose_renewals_hang_stops_leading_by_the_clock_alone() -> None:
    both = Candidates()
    first = both.candidate("first")
    await first.acquire()

    both.clock.advance(timedelta(seconds=10))

    assert not first.leads


async def test_a_leader_that_cannot_renew_in_time_gives_up_before_another_may_lead() -> None:
    both = Candidates()
    first = both.candidate("first")
    await first.acquire()
    began = both.clock.monotonic()
    both.cluster.fault = both.away

    with pytest.raises(LostLease):
        await first.keep()

    assert 10 <= both.clock.monotonic() - began < 15


async def test_a_leader_that_was_replaced_gives_up() -> None:
    both = Candidates()
    first = both.candidate("first")
    await first.acquire()
    both.cluster.edit(LEASE, "paramedic", "paramedic", {"spec": {"holderIdentity": "second"}})

    with pytest.raises(LostLease):
        await first.keep()

    assert not first.leads


async def test_a_short_absence_of_the_api_server_does_not_cost_the_lead() -> None:
    both = Candidates()
    first = both.candidate("first")
    await first.acquire()
    left = [1, 2]

    def away(*_: object) -> None:
        if left:
            left.pop()
            raise Unavailable("away")
        raise KeyboardInterrupt  # the next renewal gets through: enough seen

    both.cluster.fault = away

    with pytest.raises(KeyboardInterrupt):
        await first.keep()

    assert first.leads


async def test_a_released_lease_is_taken_at_once() -> None:
    both = Candidates()
    first = both.candidate("first")
    await first.acquire()
    began = both.clock.monotonic()

    await first.release()
    await both.candidate("second").acquire()

    assert not first.leads
    assert both.clock.monotonic() == began


async def test_a_release_by_who_does_not_hold_it_changes_nothing() -> None:
    both = Candidates()
    first = both.candidate("first")
    await first.acquire()
    both.cluster.edit(LEASE, "paramedic", "paramedic", {"spec": {"holderIdentity": "second"}})

    await first.release()

    assert both.holder == "second"


async def test_of_two_that_try_at_the_same_moment_one_leads() -> None:
    both = Candidates()
    first, second = both.candidate("first"), both.candidate("second")

    results = await asyncio.gather(first._try(), second._try())

    assert sorted(results) == [False, True]
