"""The status stays under 64 KiB whatever happens."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from paramedic.api.v1alpha1.incident_status import (
    EvidenceItem,
    FieldChange,
    IncidentStatus,
    Plan,
    PlannedRecovery,
    PlannedStep,
    StepChange,
    StepStatus,
    StepUndo,
)
from paramedic.engine.bounds import fit, size_of
from paramedic.engine.freezing import PLAN_LIMIT
from paramedic.model.conditions import Condition
from paramedic.model.timeline import TimelineEntry

KIB_64 = 65_536
MOMENT = "2026-11-24T03:00:00.000000Z"
HASH = "f" * 64


def plan(size: int) -> Plan:
    """A plan whose steps take so many bytes."""
    step = PlannedStep(name="ask", phase="Diagnose", action="manual", parameters={"instructions": "x" * size})
    return Plan(
        hash=HASH, frozen_at=MOMENT, service_account_name="responder", target={"kind": "Deployment", "name": "web"},
        steps=[step], recovery=PlannedRecovery(stable_for="30s", timeout="10m"),
    )  # fmt: skip


def step(number: int, action: str, text: str, *, state: Any = "Failed", **more: Any) -> StepStatus:
    return StepStatus(
        name=f"step{number}", action=action, phase="Assess", state=state, attempt=1, operation_id=HASH[:36],
        target="Deployment/" + "w" * 63, started_at=MOMENT, finished_at=MOMENT, deadline=MOMENT, message=text[:1024],
        **more,
    )  # fmt: skip


def evidence(count: int) -> list[EvidenceItem]:
    return [
        EvidenceItem(name=f"{'p' * 63}-{number}.web.log", kind="Logs", sha256=HASH, bytes=1, ref="Secret/" + "s" * 63)
        for number in range(count)
    ]


def status(text: str, steps: list[StepStatus], *, plan_size: int = PLAN_LIMIT - 600) -> IncidentStatus:
    """A status of which every list is full and every text as long as the schema lets it be."""
    return IncidentStatus(
        phase="Failed",
        message=text[:1000],
        plan=plan(plan_size),
        steps=steps,
        conditions=[
            Condition(type=f"C{number}", status="True", reason="R", message=text[:1024], last_transition_time=MOMENT)
            for number in range(6)
        ],
        evidence=evidence(64),
        timeline=[
            TimelineEntry(at=MOMENT, actor=text[:253] or "a", event="Happened", message=text[:320]) for _ in range(80)
        ],
        review=(text * 17)[:16_384],
    )


UNREADY = {"scope": "Several", "unready": ["p" * 63] * 20, "reasons": ["CrashLoopBackOff of container web"]}
long_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(
    lambda text: (text * 1024)[:1024]
)


@settings(max_examples=40, deadline=None)
@given(long_texts, st.integers(min_value=0, max_value=32))
def test_any_status_fits(text: str, count: int) -> None:
    steps = [step(number, "workloadStatus", text, outputs=UNREADY) for number in range(count)]
    assert size_of(fit(status(text, steps))) < KIB_64


def test_a_status_fits_after_every_step_collected_evidence() -> None:
    record = {"evidence": [item.model_dump() for item in evidence(25)], "pieces": 25}
    steps = [step(number, "collectEvidence", "x" * 1024, state="Succeeded", intent=record) for number in range(32)]
    assert size_of(fit(status("x" * 1024, steps))) < KIB_64


def test_a_status_fits_while_a_step_collects_evidence() -> None:
    record = {"evidence": [item.model_dump() for item in evidence(64)], "pieces": 64}
    steps = [step(0, "collectEvidence", "x" * 1024, state="Running", intent=record)]
    assert size_of(fit(status("x" * 1024, steps))) < KIB_64


def test_a_status_fits_after_sixteen_steps_were_undone() -> None:
    back = StepUndo(state="Succeeded", reason="r" * 253, started_at=MOMENT, finished_at=MOMENT, message="m" * 1024)
    record = {"from": {"revision": 2, "essence": HASH}, "to": {"revision": 1, "essence": HASH}, "left": [HASH] * 5}
    steps = [step(number, "rollback", "x" * 1024, state="Undone", intent=record, undo=back) for number in range(16)]
    assert size_of(fit(status("x" * 1024, steps))) < KIB_64


def test_a_status_fits_after_a_dry_run_of_32_steps_that_would_write_much_and_says_what_it_left_out() -> None:
    fields = [FieldChange(path="p" * 253, before="b" * 500, after="a" * 500)] * 60
    changes = [StepChange(verb="patch", object="Deployment/" + "w" * 242, pods="x" * 253, fields=fields)] * 20
    steps = [step(number, "rollback", "x" * 1024, changes=changes) for number in range(32)]
    fitted = fit(status("x" * 1024, steps))
    assert size_of(fitted) < KIB_64
    assert {item.changes_left_out + len(item.changes) for item in fitted.steps} == {20}
    assert {item.fields_left_out + len(item.fields) for item in fitted.steps[0].changes} == {60}


def test_a_status_that_fits_already_is_left_alone() -> None:
    small = IncidentStatus(message="x" * 1000, review="y" * 16_384)
    assert fit(small) is small


def test_a_status_that_is_made_to_fit_is_a_copy() -> None:
    large = status("x" * 1024, [step(number, "workloadStatus", "x" * 1024) for number in range(32)])
    fit(large)
    assert len(large.steps[0].message) == 1024


def test_the_plan_and_the_states_are_never_touched() -> None:
    large = status("x" * 1024, [step(number, "workloadStatus", "x" * 1024, outputs=UNREADY) for number in range(32)])
    fitted = fit(large)
    assert (fitted.plan, [item.state for item in fitted.steps]) == (large.plan, [item.state for item in large.steps])


def test_the_intents_that_a_way_back_needs_are_never_touched() -> None:
    steps = [step(number, "rollback", "x" * 1024, state="Succeeded", intent={"left": [HASH]}) for number in range(16)]
    assert {str(item.intent) for item in fit(status("x" * 1024, steps)).steps} == {str({"left": [HASH]})}


def test_short_outputs_that_conditions_look_at_are_kept() -> None:
    large = status("x" * 1024, [step(number, "workloadStatus", "x" * 1024, outputs=UNREADY) for number in range(32)])
    assert {item.outputs["scope"] for item in fit(large).steps} == {"Several"}
