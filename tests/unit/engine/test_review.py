"""The report: facts filled in, judgement left to people, and the text of others as plain text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.api.v1alpha1.incident_status import EvidenceItem, PlaybookSeen, StepUndo, Times
from paramedic.engine.review import LIMIT, render
from paramedic.engine.run import Run
from unit.builders import NOW
from unit.engine.running import HASH, opened, planned


def finished(message: str = "rolled back", **spec: object) -> Run:
    """A run that resolved by one rollback."""
    run = planned("mend", **spec)
    step = run.step("mend")
    step.state, step.attempt, step.message = "Succeeded", 1, message
    step.operation_id, step.target, step.intent = "op-1", "Deployment/web", {"left": []}
    step.outputs = {"fromRevision": 2}
    step.started_at, step.finished_at = "2026-11-24T03:00:00Z", "2026-11-24T03:01:30Z"
    run.status.phase, run.status.message = "Resolved", "recovered: every check held for 30s"
    run.status.playbook = PlaybookSeen(name="downtime", generation=4)
    return run


def report(run: Run) -> str:
    return render(run.incident, run.status)


def section(text: str, title: str) -> list[str]:
    """The lines of one section, without the empty ones."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return [line for line in found[1].splitlines() if line]


@pytest.mark.parametrize(
    "title",
    [
        "Steps", "What was changed", "Times", "Evidence", "What went well", "To follow up", "Impact",
        "Contributing factors", "Where we were lucky", "Timeline (UTC)",
    ],
)  # fmt: skip
def test_the_report_has_the_sections_of_a_blameless_review(title: str) -> None:
    assert section(report(finished()), title) is not None


@pytest.mark.parametrize("title", ["Contributing factors", "Where we were lucky"])
def test_judgement_is_left_to_the_reviewers(title: str) -> None:
    assert section(report(finished()), title) == ["_For the reviewers to fill in._"]


def test_the_impact_is_what_people_stated_and_open_where_they_did_not() -> None:
    run = finished()
    assert section(report(run), "Impact") == ["Nobody has stated it.", "_For the reviewers to fill in._"]
    run.status.impact = "checkout unusable for 4 % of customers"
    assert section(report(run), "Impact")[0] == "checkout unusable for 4 % of customers"


def test_the_responders_are_named_by_their_roles() -> None:
    run = finished()
    run.status.lead = "alice"
    assert "| Incident commander | alice |" in section(report(run), "Responders")


def test_what_failed_stands_under_what_did_not_go_well() -> None:
    run = finished()
    run.status.steps[-1].state, run.status.steps[-1].message = "Failed", "no room"
    assert any("failed: no room" in line for line in section(report(run), "What did not go well"))


def test_a_report_of_an_incident_that_never_had_a_plan_says_so() -> None:
    text = report(Run(opened(), NOW))
    assert section(text, "Steps") == ["No step was planned."]


def test_the_head_names_the_playbook_and_its_generation() -> None:
    assert "| Playbook | downtime (generation 4) |" in report(finished())


def test_the_head_names_the_plan_and_the_account() -> None:
    assert f"| Plan | {HASH[:12]}, as ServiceAccount responder |" in report(finished())


def test_a_step_is_told_with_how_long_it_took() -> None:
    assert section(report(finished()), "Steps")[2:] == ["| mend | rollback | Succeeded | 1m30s | rolled back |"]


def test_a_change_is_told_with_its_operation() -> None:
    assert section(report(finished()), "What was changed") == [
        "- Deployment/web, by rollback (step mend, operation op-1)."
    ]


def test_a_change_that_was_undone_says_so() -> None:
    run = finished()
    run.step("mend").undo = StepUndo(state="Succeeded", reason="ttl", started_at="x", message="put back")
    assert section(report(run), "What was changed")[0].endswith("Undone (Succeeded): put back.")


def test_a_run_that_only_looked_changed_nothing() -> None:
    assert section(report(planned("look", action="workloadStatus")), "What was changed") == ["Nothing."]


def test_every_duration_names_the_two_times_it_lies_between() -> None:
    run = finished()
    run.status.times = Times(
        started_at="2026-11-24T03:00:00Z", detected_at="2026-11-24T03:01:00Z", acknowledged_at="2026-11-24T03:03:00Z",
        first_action_at="2026-11-24T03:02:00Z", mitigated_at="2026-11-24T03:05:00Z", resolved_at="2026-11-24T03:06:00Z",
    )  # fmt: skip
    assert section(report(run), "Times") == [
        "- from start of impact to detection: 1m",
        "- from detection to acknowledgement by a person: 2m",
        "- from detection to first remediation: 1m",
        "- from start of impact to symptom gone: 5m",
        "- from start of impact to recovery proven: 6m",
    ]


def test_a_duration_of_which_one_time_is_unknown_is_left_out() -> None:
    run = finished()
    run.status.times = Times(started_at="2026-11-24T03:00:00Z")
    assert section(report(run), "Times") == ["No two times are known."]


def test_evidence_is_listed_with_where_it_is_kept_and_its_digest() -> None:
    run = finished()
    run.status.evidence = [EvidenceItem(name="web.log", kind="Logs", sha256="ab" * 32, bytes=7, ref="Secret/s")]
    assert section(report(run), "Evidence")[2:] == ["| web.log | Secret/s | `abababababababab…` | 7 |"]


def test_a_revision_that_was_taken_out_of_service_is_to_be_followed_up() -> None:
    assert section(report(finished()), "To follow up")[0].startswith("- [ ] revision 2 of Deployment/web was taken out")


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("rollingRestart", "needed a restart: find out why"),
        ("scale", "has another size than its manifest says: change the manifest, or scale it back"),
        ("patch", "differs from its manifest: change the manifest too, or the next deployment takes it back"),
    ],
)
def test_a_change_that_stays_is_to_be_followed_up(action: str, left: str) -> None:
    run = finished()
    run.status.steps[0].action = action
    assert any(line.endswith(left) for line in section(report(run), "To follow up"))
    run.status.steps[0].state = "Undone"
    assert not any(line.endswith(left) for line in section(report(run), "To follow up"))


def test_an_incident_that_nobody_acknowledged_is_to_be_followed_up() -> None:
    assert "- [ ] nobody acknowledged the incident" in section(report(finished()), "To follow up")


INJECTIONS = [
    "| a | forged row |",
    "line\n## Forged section",
    "<script>alert(1)</script>",
    "[click](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "`code` *bold* _it_",
    "\\| \\<b>",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_message_stays_in_its_cell(text: str) -> None:
    (row,) = section(report(finished(text)), "Steps")[2:]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 6


@pytest.mark.parametrize("where", ["message", "summary", "timeline"])
@pytest.mark.parametrize("text", INJECTIONS)
def test_text_of_others_brings_no_markup_of_its_own(text: str, where: str) -> None:
    run = finished(text) if where == "message" else finished(summary=text) if where == "summary" else finished()
    if where == "timeline":
        run.note("Noted", text, actor=text)
    assert not re.search(r"(?<!\\)(\\\\)*(<script|<b>|\[click|!\[x|`code|\*bold)", report(run))


@given(st.text(max_size=200))
def test_no_text_of_others_begins_a_line(text: str) -> None:
    before, after = report(finished("x")), report(finished(text))
    assert len(after.splitlines()) == len(before.splitlines())


def test_a_report_has_a_limit() -> None:
    run = finished()
    for number in range(80):
        run.note("Noted", f"{number} " + "x" * 300)
    assert len(report(run)) <= LIMIT
