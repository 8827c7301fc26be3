"""docs/playbooks.md maps every line of the four playbooks to what is there: steps, actions and tests by their names."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from paramedic.actions.registry import ACTIONS
from paramedic.engine.readiness.validation import examine
from support.manifests import ROOT
from support.objects import Object

PAGE = ROOT / "docs" / "playbooks.md"
PLAYBOOKS = ROOT / "examples" / "playbooks"
TESTS = ROOT / "tests" / "e2e" / "test_playbooks.py"
NAMES = ("service-downtime", "performance-degradation", "security-incident", "deployment-failure")
SECTIONS = {name: name.replace("-", " ").capitalize() for name in NAMES}


def loaded(path: Path) -> Object:
    found: Object = yaml.safe_load(path.read_text())
    return found


def steps_of(name: str) -> dict[str, str]:
    """The steps of an example playbook, by name, with their action."""
    found = loaded(PLAYBOOKS / f"{name}.yaml")["spec"]["steps"]
    return {step["name"]: next(key for key in step if key in ACTIONS) for step in found}


def rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert section, f"no section {title}"
    lines = [line for line in section[1].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def functions(path: Path) -> set[str]:
    return {item.name for item in ast.walk(ast.parse(path.read_text())) if isinstance(item, ast.FunctionDef)}


@pytest.mark.parametrize("path", sorted(PLAYBOOKS.glob("*-*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_well_written(path: Path) -> None:
    playbook, findings = examine(loaded(path))
    assert playbook is not None
    assert [str(item) for item in findings] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_step_of_a_playbook_is_on_the_page(name: str) -> None:
    said = {word for row in rows(SECTIONS[name]) for word in quoted(row[1])}
    again = {"whole", "answers", "fast", "fastAgain", "settle"}  # look once more, after a remedy: no line of their own
    assert set(steps_of(name)) - said - again == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_action_on_the_page_is_that_of_a_step_beside_it(name: str) -> None:
    steps = steps_of(name)
    for line, step, actions, _ in rows(SECTIONS[name]):
        there = {steps[word] for word in quoted(step) if word in steps}
        assert set(quoted(actions)) <= there, line


@pytest.mark.parametrize("title", ["General steps", *SECTIONS.values()])
def test_every_test_on_the_page_exists(title: str) -> None:
    mine = functions(TESTS)
    for line, _, _, tests in rows(title):
        for name in quoted(tests):
            assert (ROOT / name).is_file() if name.startswith("tests/") else name in mine, f"{line}: {name}"


@pytest.mark.parametrize("title", ["General steps", *SECTIONS.values()])
def test_what_only_people_do_says_why(title: str) -> None:
    for line, what, actions, _ in rows(title):
        if "`manual`" in actions:
            assert "a person" in what.lower() or "person" in line, f"{line}: {what}"
