"""Who acknowledges, leads, takes notes and cancels."""

import pytest

from support.kube import Kube
from support.objects import incident
from support.people import (
    Object,
    adds,
    answer,
    binding,
    edits,
    eventually,
    may_not_add,
    may_not_edit,
    may_not_open,
    opens,
    role,
)

pytestmark = pytest.mark.e2e


def test_people_acknowledge_for_themselves(down: Kube) -> None:
    told = may_not_edit(down, "rita", {"acknowledgedBy": "alice"})
    assert told == (
        'spec.acknowledgedBy is "alice", but you are "rita": people acknowledge for themselves; hand over with spec.lead'
    )
    assert edits(down, "rita", {"acknowledgedBy": "rita"})["acknowledgedBy"] == "rita"
    assert edits(down, "alice", {"acknowledgedBy": "alice"})["acknowledgedBy"] == "alice"


def test_an_acknowledgement_is_taken_back_by_nobody_else(down: Kube) -> None:
    edits(down, "rita", {"acknowledgedBy": "rita"})
    told = may_not_edit(down, "alice", {"acknowledgedBy": None})
    assert told == (
        'spec.acknowledgedBy cannot be removed by "alice": "rita" has acknowledged the incident; keep it, or write your '
        "own name"
    )
    assert "acknowledgedBy" not in edits(down, "rita", {"acknowledgedBy": None})


@pytest.mark.parametrize(
    "spec",
    [
        {"acknowledgedBy": "eve"},
        {"lead": "eve"},
        {"impact": "none"},
        {"notes": [{"by": "eve", "text": "all is well"}]},
    ],
    ids=["acknowledgedBy", "lead", "impact", "notes"],
)
def test_responding_takes_the_verb(spec: Object, down: Kube) -> None:
    assert may_not_edit(down, "eve", spec) == (
        f'user "eve" may not acknowledge incidents in namespace {down.namespace}, nor write their lead, impact and notes: '
        'the verb "acknowledge" on incidents.paramedic.dev is needed (ClusterRole paramedic-responder)'
    )


def test_the_lead_is_handed_over_to_anybody(down: Kube) -> None:
    assert edits(down, "rita", {"lead": "rita"})["lead"] == "rita"
    assert edits(down, "rita", {"lead": "dora"})["lead"] == "dora"
    assert edits(down, "alice", {"lead": None, "impact": "nobody can pay"})["impact"] == "nobody can pay"


def test_notes_are_by_who_writes_them(down: Kube) -> None:
    adds(down, "rita", "notes", {"by": "rita", "text": "the provider confirms a fault"})
    told = may_not_add(down, "alice", "notes", {"by": "rita", "text": "it is all over"})
    assert told == 'a note that is added is by "rita", but you are "alice": write your own name'
    notes = adds(down, "alice", "notes", {"by": "alice", "text": "they are back"})
    assert [note["by"] for note in notes] == ["rita", "alice"]


def test_all_notes_that_one_request_adds_are_the_callers(down: Kube) -> None:
    both = [{"by": "rita", "text": "one"}, {"by": "alice", "text": "two"}]
    assert 'is by "alice", but you are "rita"' in may_not_edit(down, "rita", {"notes": both})


def test_a_cancel_is_by_who_cancels_and_takes_the_verb(down: Kube) -> None:
    told = may_not_edit(down, "rita", {"cancel": {"by": "alice", "reason": "false alarm"}})
    assert told == 'spec.cancel.by is "alice", but you are "rita": write your own name'
    assert may_not_edit(down, "eve", {"cancel": {"by": "eve", "reason": "false alarm"}}) == (
        f'user "eve" may not cancel incidents in namespace {down.namespace}: the verb "cancel" on '
        "incidents.paramedic.dev is needed (ClusterRole paramedic-responder)"
    )
    assert edits(down, "rita", {"cancel": {"by": "rita", "reason": "false alarm"}})["cancel"]["by"] == "rita"
    assert edits(down, "alice", {"impact": "none"})["cancel"]["by"] == "rita"  # somebody else's from now on


def test_what_an_incident_brings_with_it_is_checked_as_what_is_added_later(shop: Kube) -> None:
    shop.apply(role("all", ("paramedic.dev", "playbooks", ["use"], [])), binding("eve", "all", "Role"))
    eventually(lambda: opens(shop, "eve", incident("plain", "web", "any")))
    told = may_not_open(shop, "eve", incident("down", "web", "any", acknowledgedBy="eve"))
    assert 'the verb "acknowledge"' in told
    told = may_not_open(shop, "rita", incident("down", "web", "any", acknowledgedBy="alice"))
    assert "people acknowledge for themselves" in told
    found = opens(shop, "rita", incident("down", "web", "any", acknowledgedBy="rita", lead="alice"))
    assert found["spec"]["acknowledgedBy"] == "rita"


def test_labels_are_nobodys_business(down: Kube) -> None:
    edits(down, "rita", {"acknowledgedBy": "rita", "notes": [{"by": "rita", "text": "seen"}]})
    adds(down, "bob", "approvals", answer("bob"))
    down.acting_as("eve").run("label", "incident", "down", "team=shop")
    assert down.get("incident", "down")["metadata"]["labels"] == {"team": "shop"}
