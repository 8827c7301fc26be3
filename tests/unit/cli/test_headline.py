"""The one sentence that is true now, in each situation."""

from dataclasses import replace
from datetime import timedelta

import pytest

from paramedic.cli.screens.headline import headline
from unit.cli.recorded import SITUATIONS, view

SENTENCES = {
    "unseen": "◌ Pending and not looked at yet",
    "unseen-for-long": "◌ Pending and not looked at yet; does the operator run? kubectl get lease paramedic -A",
    "no-playbook": "◌ Pending: no playbook answers alert Strange in namespace shop",
    "target-in-use": "◌ Pending: waiting for incident first, which works on Deployment/checkout",
    "linked": "◌ Pending: incident checkout-first works on the same target; this one ends with it",
    "running": '▸ Running step "rollback" (40 s of 10 min): Deployment/checkout: 2 of 3 Pods updated, 1 available',
    "paused": '▸ Running step "rollback" (40 s of 10 min): the operator was paused by bob; nothing is changed',
    "approval": '◷ Waiting for approval of "rollback" (2 min left)',
    "manual": '◷ Waiting for a person to do "rollback" (22 h left)',
    "rollout-of-others": '▸ Running and waiting at step "rollback" (9 min left): a rollout by kubectl began 40s ago and is'
    " not done",
    "trying-again": '▸ Running step "rollback" again in 12 s: attempt 1 of 2 failed, the next one in 15s: the API server did'
    " not answer",
    "not-recovered": "▸ Monitoring: not recovered yet (3 min of 10 min): target: 1 of 3 Pods available",
    "recovered": "▸ Monitoring: recovered (for 12 s); it must hold for 30 s",
    "undoing": "▸ Running and taking back rollback; then Failed: step rollback failed",
    "resolved": "✔ Resolved: recovered: every check held for 30s",
    "failed": "✖ Failed: step rollback failed: new Pod does not come up",
    "cancelled": "⊘ Cancelled: cancelled by alice: false alarm",
    "planned": "✔ Planned: dry run: 1 of 5 steps would act; nothing was changed",
    "thirty-steps": '▸ Running step "step16" (40 s of 10 min): Deployment/checkout: 2 of 3 Pods updated, 1 available',
}


def test_each_situation_has_its_sentence() -> None:
    assert {name: headline(view(name)).plain for name in SITUATIONS} == SENTENCES


@pytest.mark.parametrize("situation", SITUATIONS)
def test_without_times_the_sentence_does_not_move_with_the_clock(situation: str) -> None:
    now = view(situation)
    later = replace(now, now=now.now + timedelta(seconds=7))
    assert headline(now, times=False) == headline(later, times=False)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_sentence_holds_the_command_that_the_engine_puts_into_messages(situation: str) -> None:
    assert "kubectl patch" not in headline(view(situation)).plain
