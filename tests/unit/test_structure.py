"""The shape of the code: what a new reader, and a new action, can rely on."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest
import yaml

from paramedic.actions.contract import Action
from paramedic.actions.registry import ACTIONS

OPERATOR = Path(__file__).parents[2] / "operator"
PACKAGE = OPERATOR / "paramedic"
MODULES = sorted(PACKAGE.rglob("*.py"))
MODULE_LINES = 350
FUNCTION_LINES = 60

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))


def action_classes() -> list[type[Action]]:  # type: ignore[type-arg]
    """Every Action that a file of the folder defines."""
    found = []
    for path in sorted((PACKAGE / "actions").glob("*.py")):
        module = importlib.import_module(f"paramedic.actions.{path.stem}")
        for _, item in inspect.getmembers(module, inspect.isclass):
            if issubclass(item, Action) and item is not Action and item.__module__ == module.__name__:
                found.append(item)
    return found


each_action = pytest.mark.parametrize("action", action_classes(), ids=lambda action: action.__name__)


def test_the_folder_does_not_shadow_the_standard_librarys_operator() -> None:
    assert not (OPERATOR / "__init__.py").exists()


def test_the_standard_librarys_operator_is_the_one_that_is_imported() -> None:
    assert "paramedic" not in str(inspect.getfile(importlib.import_module("operator").attrgetter))


@each_module
def test_a_module_fits_in_ones_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MODULE_LINES


@each_module
def test_a_function_fits_on_a_screen(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = {
        node.name: lines for node in functions if (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


@each_module
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@each_action
def test_an_action_is_in_the_registry(action: type[Action]) -> None:  # type: ignore[type-arg]
    assert type(ACTIONS[action.name]) is action


@each_action
def test_an_action_is_named_as_its_file_is(action: type[Action]) -> None:  # type: ignore[type-arg]
    words = action.__module__.rpartition(".")[2].split("_")
    assert action.name.lower() == "".join(words)  # blockIPs is in block_ips


@each_action
def test_an_action_has_an_example_that_parses(action: type[Action]) -> None:  # type: ignore[type-arg]
    example = yaml.safe_load(action.example)
    assert list(example) == [action.name]
    action.parameters.model_validate(example[action.name])


@each_action
def test_an_actions_parameters_have_a_manual(action: type[Action]) -> None:  # type: ignore[type-arg]
    assert "__doc__" in vars(action.parameters)
    assert action.parameters.__doc__


def test_the_registry_holds_nothing_else() -> None:
    assert {type(action) for action in ACTIONS.values()} == set(action_classes())
