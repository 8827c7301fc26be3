"""One incident as a screen: what is on it, and that it fits."""

import re
from dataclasses import replace

import pytest

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.screens.next_up import next_commands
from paramedic.cli.screens.page import fitting_page, page
from paramedic.cli.screens.view import View
from paramedic.cli.screens.words import without_command
from unit.builders import NOW
from unit.cli.recorded import BROKEN, SITUATIONS, incident, step, view, with_step
from unit.cli.rendering import lines, pipe, terminal, text

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
each_situation = pytest.mark.parametrize("situation", SITUATIONS)


def fitting(situation: str, width: int = 80, height: int = 24) -> list[str]:
    return lines(fitting_page(view(situation, available=1), pipe(width), height), width)


def test_a_waiting_incident_says_who_is_waited_for_and_what_to_type() -> None:
    assert (
        text(page(view("approval", available=1)), 80)
        == """\
checkout-down   Critical
◷ Waiting for approval of "rollback" (2 min left)
Summary  Checkout answers 502
Target   Deployment/checkout  1/3 available
Impact since 02:53:48Z (6 min 12 s)
Playbook service-downtime@g7  step 3/5   Acknowledged by nobody

✔ done    verify        2 s  answers 502
✔ done    scope         2 s  it is well
◷ waiting rollback      1 min of 3 min  rolling Deployment/checkout back from
                        revision 7 to 5
  ├ plan     3f9a27c1d0b4, as ServiceAccount shop-responder
  ├ touches  Deployment/checkout
  └ else     it fails in 2 min
• to come confirm       workloadStatus
• to come resumeGitOps  manual

Escalates to sre-lead at 03:03:20Z, in 3 min 20 s, unless acknowledged
Told      ✔ on-call told 02:59:30Z (Escalation 1)
          ? status-page perhaps told 02:59:40Z (Update 1): no answer

Next: kubectl incident approve checkout-down rollback -n shop
  or: kubectl incident ack checkout-down -n shop
  or: kubectl incident reject checkout-down rollback --reason 'WHY' -n shop"""
    )


def test_a_failed_incident_says_what_could_not_be_taken_back_and_what_was_not_run() -> None:
    assert (
        text(page(view("failed")), 80)
        == """\
checkout-down   Critical
✖ Failed: step rollback failed: new Pod does not come up
Summary  Checkout answers 502
Target   Deployment/checkout   Impact since 02:53:48Z (6 min 12 s)
Playbook service-downtime@g7  steps over 3/5   Acknowledged by nobody

✔ done    verify        2 s  answers 502
✔ done    scope         2 s  it is well
✖ failed  rollback      1 min  attempt 2  new Pod does not come up:
                        CrashLoopBackOff
  └ ✖ could not be taken back: revision 7 is gone
– not run confirm       workloadStatus
– not run resumeGitOps  manual

Next: kubectl incident report checkout-down -n shop
  or: kubectl incident retry checkout-down -n shop"""
    )


def test_of_thirty_steps_the_running_one_stays_on_the_screen() -> None:
    assert fitting("thirty-steps") == [
        "checkout-down   Critical",
        '▸ Running step "step16" (40 s of 10 min): Deployment/checkout: 2 of 3 Pods',
        "updated, 1 available",
        "Summary  Checkout answers 502",
        "Target   Deployment/checkout  1/3 available",
        "Impact since 02:53:48Z (6 min 12 s)",
        "Playbook service-downtime@g7  step 16/30   Acknowledged by nobody",
        "✔ 15 done: step1, step2, step3, step4, step5, step6, step7, step8 and 7 more",
        "           (--all)",
        "▸ running step16  40 s of 10 min  Deployment/checkout: 2 of 3 Pods updated, 1",
        "                  available",
        "  └ touches  Deployment/checkout",
        "• 14 to come: step17, step18, step19, step20, step21, step22, step23, step24 and",
        "              6 more",
        "Evidence  3 pieces (1 Events, 2 Logs)",
        "Told      ✔ on-call told 02:59:30Z (Escalation 1)",
        "          ? status-page perhaps told 02:59:40Z (Update 1): no answer",
        "Next: kubectl incident ack checkout-down -n shop",
    ]


@each_situation
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (60, 24), (80, 15)])
def test_every_situation_fits_into_a_terminal_and_shows_the_answer_and_the_next_command(
    situation: str, width: int, height: int
) -> None:
    shown = fitting(situation, width, height)
    seen = view(situation)
    assert len(shown) <= height
    assert all(len(line) <= width for line in shown)
    assert shown[1].split()[0] in "◌▸◷✔✖⊘"
    if commands := next_commands(seen):
        assert commands[0] in " ".join(shown).replace(" \\", "").replace("         ", " ")
    if seen.current:
        assert any(
            (seen.current.name in line and seen.current.state.lower() in line.lower()) or "to come" in line
            for line in shown
        )


def test_thirty_failed_steps_fit_too() -> None:
    steps = [BROKEN | {"name": f"step{n}", "message": "it failed for a long reason " * 20} for n in range(30)]
    seen = replace(view("failed"), incident=Incident.model_validate(incident("Failed", "why " * 200, steps)))
    shown = lines(fitting_page(seen, pipe(80), 24), 80)
    assert len(shown) <= 24
    assert shown[-1] == "Next: kubectl incident report checkout-down -n shop"
    assert any(line.startswith("✖ 30 failed: step0, step1") for line in shown)


@each_situation
def test_what_goes_into_a_pipe_is_plain_and_unwrapped(situation: str) -> None:
    shown = text(page(view(situation), every=True))
    assert not ESCAPE.search(shown)
    for item in view(situation).status.steps:
        if message := without_command(item.message):
            assert any(line.endswith(message) for line in shown.splitlines())


@each_situation
def test_a_terminal_shows_the_same_words_in_colour(situation: str) -> None:
    console = terminal()
    with console.capture() as captured:
        console.print(fitting_page(view(situation), console, 24))
    painted = captured.get()
    assert ESCAPE.search(painted)
    plain = [line.rstrip() for line in ESCAPE.sub("", painted).splitlines()]
    assert plain == lines(fitting_page(view(situation), pipe(80), 24), 80)


@each_situation
def test_no_icon_stands_without_its_word(situation: str) -> None:
    for line in text(page(view(situation), every=True)).splitlines():
        if line[:1] in "✔✖◷▸•–↶?⊘◌" and line:
            assert re.match(r"\S \w", line), line


def test_waiting_failing_done_and_unknown_are_four_things() -> None:
    shown = text(page(view("approval")))
    assert "◷ waiting rollback" in shown
    assert "✔ done    verify" in shown
    assert "? status-page perhaps told" in shown
    assert "✖ failed  rollback" in text(page(view("failed")))


def test_a_dry_run_says_so_in_the_first_line() -> None:
    assert lines(page(view("planned")))[0] == "checkout-down   Critical   dry run: nothing is changed"


def test_the_timeline_is_shown_with_all() -> None:
    found = incident(
        "Running",
        timeline=[{"at": "2026-11-24T02:59:00Z", "actor": "alice", "event": "Note", "message": "a fault\nthere"}],
    )
    seen = replace(view("running"), incident=Incident.model_validate(found), now=NOW)
    assert "Timeline  02:59:00Z  Note by alice  a fault there" in text(page(seen, every=True))
    assert "Timeline" not in text(page(seen))


def test_commands_lead_to_the_same_cluster_and_stay_whole_on_a_narrow_terminal() -> None:
    flags = "-n shop --context production-europe --as alice"
    shown = lines(fitting_page(view("approval", flags=flags), pipe(60), 24), 60)
    at = next(n for n, line in enumerate(shown) if line.startswith("Next:"))
    assert shown[at : at + 3] == [
        "Next: kubectl incident approve checkout-down rollback \\",
        "        -n shop --context production-europe --as alice",
        "  or: kubectl incident ack checkout-down -n shop \\",
    ]


def test_a_dry_run_shows_each_object_that_would_be_written_and_its_fields() -> None:
    fields = [
        {"path": "spec.replicas", "before": "3", "after": "5"},
        *({"path": f"f{n}", "after": "1"} for n in range(9)),
    ]
    change = {"verb": "patch", "object": "Deployment/checkout", "pods": "2 Pods more: 3 → 5", "fields": fields}
    found = step("rollback", action="scale", message="would begin: 2 more", changes=[change], changesLeftOut=3)
    planned = incident("Planned", "dry run: 1 of 5 steps would act; nothing was changed", with_step(found))
    shown = lines(page(View(Incident.model_validate(planned), NOW)))
    assert "  ├ writes   patch Deployment/checkout (2 Pods more: 3 → 5)" in shown
    assert "  ├            spec.replicas: 3 → 5" in shown
    assert "  ├            and 2 more fields (--all)" in shown
    assert "  └ writes   and 3 more objects" in shown
