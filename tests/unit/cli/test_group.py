"""The group of commands: every entry leads to a command, and asking for help imports none of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from paramedic.cli.incident import COMMANDS, main
from paramedic.cli.opening import retry_names
from paramedic.cli.output import Name
from paramedic.cli.targets import resource_of_word
from paramedic.cli.where import Where

MANUAL = Path(__file__).parents[3] / "docs" / "cli.md"
HEAVY = ("kubernetes", "aiohttp", "kopf", "apprise", "cel_expr_python", "pydantic", "rich", "yaml")
KUBECTLS = {"--namespace", "--context", "--kubeconfig", "--as"}


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_entry_leads_to_its_command(name: str) -> None:
    assert command(name).name == name
    assert command(name).help


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "completion"])
def test_every_command_takes_kubectls_flags(name: str) -> None:
    flags = {flag for param in command(name).params for flag in param.opts}
    assert flags >= KUBECTLS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    silent = [
        param.name
        for param in command(name).params
        if isinstance(param, click.Option) and not param.help and not isinstance(param.type, click.Choice)
    ]
    assert silent == []


def test_help_names_the_program_as_people_call_it_and_every_command() -> None:
    command = [sys.executable, "-m", "paramedic.cli.incident", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("Usage: kubectl incident [OPTIONS] COMMAND")
    assert all(f"  {name} " in said for name in COMMANDS)


def test_the_list_of_commands_fits_into_eighty_columns() -> None:
    assert all(len(line) <= 80 for line in CliRunner().invoke(main, ["--help"]).output.splitlines())


def test_the_manual_names_every_command() -> None:
    table = [line for line in MANUAL.read_text().splitlines() if line.startswith("| `")]
    named = {word for line in table for word in re.findall(r"`([a-z]+)[ `]", line.split(" | ")[0])}
    assert named == set(COMMANDS)


def test_an_unknown_command_is_a_mistake_of_usage() -> None:
    assert CliRunner().invoke(main, ["shwo"]).exit_code == 2


def imported_by(*arguments: str) -> set[str]:
    code = f"import sys, runpy; sys.argv = ['kubectl-incident', *{arguments!r}]\n"
    code += "try: runpy.run_module('paramedic.cli.incident', run_name='__main__')\nexcept SystemExit: pass\n"
    code += f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    return set(eval(done.stderr.splitlines()[-1]))


def test_help_and_version_import_nothing_that_takes_time() -> None:
    assert imported_by("--help") == set()
    assert imported_by("--version") == set()


@pytest.mark.parametrize("name", ["list", "show", "watch", "open", "ack"])
def test_a_common_command_imports_neither_the_operator_nor_what_messages_and_expressions_need(name: str) -> None:
    assert not imported_by(name, "--help") & {"kopf", "apprise", "cel_expr_python"}


@pytest.mark.parametrize("text", ["checkout", "incident/checkout", "incident.paramedic.dev/checkout", "inc/checkout"])
def test_an_incident_is_named_as_kubectl_names_it(text: str) -> None:
    assert Name().convert(text, None, None) == "checkout"


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("deploy", "Deployment"),
        ("Deployments.apps", "Deployment"),
        ("sts", "StatefulSet"),
        ("no", "Node"),
        ("po", "Pod"),
    ],
)
def test_a_target_is_named_as_kubectl_names_it(word: str, kind: str) -> None:
    found = resource_of_word(word)
    assert found is not None
    assert found.kind == kind


def test_what_is_no_target_is_none() -> None:
    assert resource_of_word("configmap") is None


def test_retries_are_numbered_on() -> None:
    assert retry_names("checkout", False)[:2] == ["checkout-2", "checkout-3"]
    assert retry_names("checkout-2", True)[:2] == ["checkout-3", "checkout-4"]
    assert retry_names("web-2", False)[0] == "web-2-2"


def test_the_flags_lead_back_to_the_same_cluster() -> None:
    assert Where(None, None, "shop").flags == "-n shop"
    where = Where("/home/a b/config", "prod", "shop", "alice")
    assert where.flags == "-n shop --context prod --kubeconfig '/home/a b/config' --as alice"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_completion_script(shell: str) -> None:
    said = CliRunner().invoke(main, ["completion", shell])
    assert said.exit_code == 0
    assert "_KUBECTL_INCIDENT_COMPLETE" in said.output
    assert "kubectl-incident" in said.output


def test_kubectl_is_offered_commands_flags_and_shells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from paramedic.cli.completion import complete_for_kubectl

    def offered(*arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["kubectl_complete-incident", *arguments])
        complete_for_kubectl()
        return [line.partition("\t")[0] for line in capsys.readouterr().out.splitlines()]

    assert offered("re") == ["retry", "reject", "report", "resume", ":4"]
    assert "--namespace" in offered("show", "--na")
    assert offered("completion", "z") == ["zsh", ":4"]
