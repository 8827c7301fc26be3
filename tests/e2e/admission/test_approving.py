"""Who answers for a change."""

import contextlib
import json

import pytest

from support.kube import Kube, KubectlFailed
from support.objects import API, incident
from support.people import HASH, Object, adds, answer, edits, eventually, may_not_add, may_not_open, opens, plan, wish

pytestmark = pytest.mark.e2e


def test_an_approval_takes_the_verb(down: Kube) -> None:
    assert may_not_add(down, "eve", "approvals", answer("eve")) == (
        f'user "eve" may not approve incidents in namespace {down.namespace}: the verb "approve" on '
        "incidents.paramedic.dev is needed (ClusterRole paramedic-approver)"
    )
    assert [item["by"] for item in adds(down, "bob", "approvals", answer("bob"))] == ["bob"]


def test_can_i_answers_as_the_policy_does(down: Kube) -> None:
    for user, wanted in (("eve", "no"), ("rita", "no"), ("bob", "yes")):
        try:
            found = down.acting_as(user).run("auth", "can-i", "approve", "incidents").strip()
        except KubectlFailed as refusal:
            found = str(refusal)
        assert found == wanted, user


def test_nobody_approves_in_anothers_name(down: Kube) -> None:
    told = may_not_add(down, "bob", "approvals", answer("alice"))
    assert told == (
        'an entry that is added to spec.approvals or spec.undo is by "alice", but you are "bob": write your own name'
    )


def test_who_opened_an_incident_does_not_approve_it_but_may_reject(shop: Kube) -> None:
    opens(shop, "alice", incident("down", "web", "any"))
    plan(shop)
    assert may_not_add(shop, "alice", "approvals", answer("alice")) == (
        'user "alice" opened the incident, and so may not approve its steps: another person with the verb "approve" on '
        "incidents.paramedic.dev must (ClusterRole paramedic-approver)"
    )
    adds(shop, "alice", "approvals", answer("alice", "Reject"))
    adds(shop, "alice", "approvals", answer("alice", "Done", step="verify"))
    adds(shop, "bob", "approvals", answer("bob"))


@pytest.mark.parametrize(
    "wrong",
    [{"planHash": HASH[:7]}, {"planHash": "0" * 12}, {"planHash": ""}, {"planHash": None}],
    ids=["short", "another", "empty", "none"],
)
def test_an_approval_is_for_the_plan_that_is_stored(wrong: Object, down: Kube) -> None:
    entry = {key: value for key, value in answer("bob", **wrong).items() if value is not None}
    told = may_not_add(down, "bob", "approvals", entry)
    assert told == (
        f"planHash must be at least the first 8 characters of the plan that is approved, which is {HASH} now; look at the "
        "plan again before you approve it"
    )


@pytest.mark.parametrize("length", [8, 12, 64])
def test_the_start_of_the_hash_is_enough(length: int, down: Kube) -> None:
    assert adds(down, "bob", "approvals", answer("bob", planHash=HASH[:length]))


def test_a_rejection_needs_no_hash_but_not_a_wrong_one(down: Kube) -> None:
    assert "planHash must be" in may_not_add(down, "bob", "approvals", answer("bob", "Reject", planHash="0" * 12))
    adds(down, "bob", "approvals", answer("bob", "Reject"))


def test_a_plan_cannot_be_brought_along_with_the_approval(down: Kube) -> None:
    patch = {"spec": {"approvals": [answer("bob", planHash="0" * 12)]}, "status": {"plan": {"hash": "0" * 12}}}
    with pytest.raises(KubectlFailed, match="planHash must be at least"):
        down.acting_as("bob").patch("incident", "down", patch)


def test_a_step_that_the_plan_does_not_have_is_refused_by_name(down: Kube) -> None:
    told = may_not_add(down, "bob", "approvals", answer("bob", step="rolback"))
    assert told == 'the plan has no step "rolback"; its steps are rollback, verify'


def test_there_is_nothing_to_approve_before_there_is_a_plan(shop: Kube) -> None:
    opens(shop, "rita", incident("down", "web", "any"))
    told = may_not_add(shop, "bob", "approvals", answer("bob"))
    assert told.startswith("the incident has no plan yet, so there is nothing to answer")
    told = may_not_open(shop, "alice", incident("other", "web", "any", approvals=[answer("alice")]))
    assert told.startswith("the incident has no plan yet")


def test_an_incident_that_does_not_say_who_opened_it_is_not_approved(shop: Kube) -> None:
    # As one that was open before the policies were, or on a server that has no mutating policies.
    shop.run("label", "namespace", shop.namespace, "paramedic.dev/people-are-checked-")
    eventually(lambda: opens_unchecked(shop))
    plan(shop)
    shop.run("label", "namespace", shop.namespace, "paramedic.dev/people-are-checked=true")
    eventually(lambda: is_checked(shop), AssertionError)
    told = may_not_add(shop, "bob", "approvals", answer("bob"))
    assert told.startswith("the incident does not say who opened it (spec.openedBy)")
    adds(shop, "bob", "approvals", answer("bob", "Reject"))


def opens_unchecked(shop: Kube) -> None:
    found = opens(shop, "rita", incident("down", "web", "any"))
    if "openedBy" in found["spec"]:
        shop.run("delete", "incident", "down")
        raise KubectlFailed("still filled in")


def is_checked(shop: Kube) -> None:
    forged = json.dumps(incident("probe", "web", "any", openedBy="alice"))
    with contextlib.suppress(KubectlFailed):
        shop.acting_as("rita").run("create", "--dry-run=server", "-f", "-", stdin=forged)
        raise AssertionError("not checked yet")


def test_approvals_of_others_can_be_neither_changed_nor_taken_away(down: Kube) -> None:
    adds(down, "bob", "approvals", answer("bob", "Reject"))
    with pytest.raises(KubectlFailed, match="approvals are added, never changed or taken away"):
        edits(down, "carol", {"approvals": []})
    with pytest.raises(KubectlFailed, match="approvals are added, never changed or taken away"):
        edits(down, "carol", {"approvals": [answer("carol")]})


def test_two_approvers_apply_side_by_side(down: Kube) -> None:
    for user in ("bob", "carol"):
        own = {
            "apiVersion": API,
            "kind": "Incident",
            "metadata": {"name": "down"},
            "spec": {"approvals": [answer(user)]},
        }
        arguments = ("apply", "--server-side", f"--field-manager={user}", "-f", "-")
        down.acting_as(user).run(*arguments, stdin=json.dumps(own))
    spec = down.get("incident", "down")["spec"]
    assert {item["by"] for item in spec["approvals"]} == {"bob", "carol"}
    assert (spec["openedBy"], spec["summary"]) == ("rita", "it does not answer")


def test_a_change_is_put_back_with_the_verb_and_in_ones_own_name(down: Kube) -> None:
    told = may_not_add(down, "eve", "undo", wish("rollback", "eve"))
    assert f'user "eve" may not approve incidents in namespace {down.namespace}' in told
    assert 'is by "alice", but you are "bob"' in may_not_add(down, "bob", "undo", wish("rollback", "alice"))
    assert 'the plan has no step "other"' in may_not_add(down, "bob", "undo", wish("other", "bob"))
    assert adds(down, "bob", "undo", wish("rollback", "bob"))


def test_an_incident_as_full_as_it_may_be_can_still_be_answered(down: Kube) -> None:
    text = "x" * 1024
    edits(down, "rita", {"notes": [{"by": "rita", "text": f"{at:04}{text[4:]}"} for at in range(63)]})
    status = down.get("incident", "down")["status"]
    planned = status["steps"][0]
    status["steps"] = [planned | {"name": f"step{at}"} for at in range(32)]
    down.run("patch", "incident", "down", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    for user in ("bob", "carol"):
        answers = [answer(user, "Reject", step=f"step{at}", note=text) for at in range(31)]
        before = down.get("incident", "down")["spec"]["approvals"]
        edits(down, user, {"approvals": before + answers})
    adds(down, "alice", "approvals", answer("alice", step="step0"))
    adds(down, "alice", "notes", {"by": "alice", "text": text})
    spec = down.get("incident", "down")["spec"]
    assert (len(spec["approvals"]), len(spec["notes"])) == (63, 64)
