"""The smaller screens: the table, what is new, what can be taken back, times in words, commands that are broken."""

import io
import sys
from datetime import timedelta
from typing import Any

import pytest
from rich.text import Text

from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.cli.output import make_console, print_screen
from paramedic.cli.screens.changes import news
from paramedic.cli.screens.layout import broken
from paramedic.cli.screens.page import fitting_page
from paramedic.cli.screens.table import IncidentTable, ordered, recent
from paramedic.cli.screens.undo import undo_rows
from paramedic.cli.screens.words import age, span, without_command
from paramedic.model.objects import Object
from unit.builders import NOW
from unit.cli.recorded import BROKEN, ROLLING, SITUATIONS, at, coming, view
from unit.cli.rendering import lines


def called(name: str, situation: str, **ago: float) -> Object:
    found = SITUATIONS[situation]
    meta = found["metadata"] | {"name": name, "creationTimestamp": at(**ago)}
    return found | {"metadata": meta}


FOUND = [
    called("old-failure", "failed", days=3),
    called("healed", "resolved", hours=3),
    called("busy", "running", minutes=3),
    called("unseen", "unseen", seconds=4),
    called("asks", "approval", seconds=45),
]


def test_open_incidents_are_listed_first_and_the_worst_of_them_at_the_top() -> None:
    assert lines(IncidentTable(ordered(FOUND), NOW, namespaces=False)) == [
        "NAME          SEVERITY   PHASE        STEP   PROGRESS   PLAYBOOK           TARGET                AGE",
        "asks          Critical   ◷ Waiting           3/5        service-downtime   Deployment/checkout   45s",
        "busy          Critical   ▸ Running           3/5        service-downtime   Deployment/checkout   3m",
        "unseen                   ◌ Pending                                                               4s",
        "healed        Critical   ✔ Resolved          5/5        service-downtime   Deployment/checkout   3h",
        "old-failure   Critical   ✖ Failed            3/5        service-downtime   Deployment/checkout   3d",
    ]


def test_the_namespace_is_a_column_where_all_are_listed() -> None:
    assert lines(IncidentTable(FOUND[:1], NOW, namespaces=True))[1].startswith("shop        old-failure   Critical")


def test_a_narrow_terminal_goes_without_columns_and_cuts_no_name() -> None:
    assert lines(IncidentTable(FOUND[:1], NOW, namespaces=False), 80) == [
        "NAME          SEVERITY   PHASE      STEP   PROGRESS   TARGET                AGE",
        "old-failure   Critical   ✖ Failed          3/5        Deployment/checkout   3d",
    ]
    assert lines(IncidentTable(FOUND[:1], NOW, namespaces=True), 40) == [
        "NAMESPACE   NAME          SEVERITY   PHASE      STEP   AGE",
        "shop        old-failure   Critical   ✖ Failed          3d",
    ]


def test_what_ended_long_ago_is_left_out_by_default() -> None:
    names = [item["metadata"]["name"] for item in recent(FOUND, NOW, timedelta(hours=24))]
    assert names == ["healed", "busy", "unseen", "asks"]


def test_the_first_look_tells_every_step_that_has_begun_and_nothing_twice() -> None:
    assert list(news(None, view("running"))) == [
        "✔ done    verify: answers 502",
        "✔ done    scope: it is well",
        "▸ running rollback: Deployment/checkout: 2 of 3 Pods updated, 1 available",
    ]


def test_what_holds_a_running_step_up_is_told_of_the_incident() -> None:
    assert list(news(view("running"), view("paused"))) == [
        '▸ Running step "rollback": the operator was paused by bob; nothing is changed'
    ]


def test_a_later_look_tells_what_moved_and_nothing_else() -> None:
    assert list(news(view("running"), view("approval"))) == [
        "◷ waiting rollback: rolling Deployment/checkout back from revision 7 to 5",
        '◷ Waiting for approval of "rollback"',
    ]
    assert list(news(view("approval"), view("approval"))) == []


def test_an_undo_is_told_with_its_step() -> None:
    assert "✖ failed  rollback: new Pod does not come up: CrashLoopBackOff (undo: Failed: revision 7 is gone)" in list(
        news(view("running"), view("failed"))
    )


def a_step(state: Object, **more: Any) -> StepStatus:
    return StepStatus.model_validate(state | more)


def test_what_can_be_taken_back_is_listed_with_the_command_for_the_newest() -> None:
    taken_back = {"state": "Succeeded", "reason": "asked", "startedAt": at(seconds=9), "message": "put back"}
    changes = [
        (a_step(ROLLING, name="first", undo=taken_back), True),
        (a_step(ROLLING, name="isolate", message="isolated", expiresAt=coming(minutes=5)), True),
        (a_step(BROKEN, name="broken"), True),
        (a_step(ROLLING, name="restart", action="rollingRestart"), False),
    ]
    assert lines(undo_rows("checkout-down", changes, "-n shop")) == [
        "↶ taken back      first    Deployment/checkout  put back",
        "✔ can be undone   isolate  Deployment/checkout  isolated; ends by itself at 03:05:00Z",
        "✖ still there     broken   Deployment/checkout  revision 7 is gone",
        "– no way back     restart  Deployment/checkout  rollingRestart cannot be taken back",
        "",
        "Next: kubectl incident undo checkout-down broken --reason 'WHY' -n shop",
    ]


def test_an_incident_that_changed_nothing_says_so() -> None:
    assert lines(undo_rows("checkout-down", [], "")) == ["Incident checkout-down has changed nothing."]


@pytest.mark.parametrize(
    ("seconds", "in_words", "as_age"),
    [
        (-3, "0 s", "0s"),
        (0, "0 s", "0s"),
        (42, "42 s", "42s"),
        (119, "1 min 59 s", "119s"),
        (372, "6 min 12 s", "6m"),
        (7_200, "2 h", "2h"),
        (86_340, "23 h 59 min", "23h"),
        (90_000, "1 d 1 h", "25h"),
        (259_205, "3 d", "3d"),
    ],
)
def test_times_are_said_in_words_and_ages_as_kubectl_says_them(seconds: int, in_words: str, as_age: str) -> None:
    assert (span(timedelta(seconds=seconds)), age(timedelta(seconds=seconds))) == (in_words, as_age)


def test_a_messages_own_command_is_left_to_the_screen() -> None:
    assert without_command("drain node-1. When it is done: kubectl patch incident x -p '[{}]'") == "drain node-1"
    assert without_command("ask\nthe provider.") == "ask the provider."


def test_a_long_command_is_broken_where_a_shell_reads_on() -> None:
    command = "kubectl incident reject checkout-down rollback --reason 'WHY' -n shop"
    parts = broken(command, 40)
    assert parts == ["kubectl incident reject checkout-down \\", "  rollback --reason 'WHY' -n shop"]
    assert " ".join(part.removesuffix("\\").strip() for part in parts) == command
    assert broken(command, 200) == [command]
    assert broken("kubectl " + "x" * 90, 40) == ["kubectl \\", "  " + "x" * 90]


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("environment", "flag"), [({"NO_COLOR": "1"}, False), ({}, True)])
def test_a_terminal_without_colour_gets_no_escape_codes(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], flag: bool
) -> None:
    screen = Tty()
    monkeypatch.delenv("NO_COLOR", raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(sys, "stdout", screen)
    console = make_console(flag)
    print_screen(console, fitting_page(view("approval"), console, 24))
    assert console.is_terminal
    assert "\x1b" not in screen.getvalue()


def test_a_pipe_gets_neither_colour_nor_wrapped_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    print_screen(make_console(), Text("word " * 200, style="red"))
    assert pipe.getvalue() == "word " * 199 + "word\n"
