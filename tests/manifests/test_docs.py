"""The documents: their links lead somewhere, their examples work, their tables name what there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from paramedic.actions.contract import Failed, Finished
from paramedic.api.v1alpha1.incident import Incident
from paramedic.engine.readiness.validation import read_playbook
from paramedic.metrics import Figures, Metrics
from paramedic.settings import Settings
from unit.builders import context
from unit.seen import World

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for page in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/*.md"),
        *ROOT.glob("manifests/**/*.md"),
    ]
)
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    gone = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not gone


def objects_in(page: Path) -> Iterator[dict[str, Any]]:
    for block in blocks(page, "yaml"):
        yield from (obj for obj in yaml.safe_load_all(block) if isinstance(obj, dict) and "metadata" in obj)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_playbook_and_incident_in_a_document_is_valid(page: Path) -> None:
    for obj in objects_in(page):
        if obj["kind"] == "Playbook":
            assert read_playbook(obj)[1] == []
        if obj["kind"] == "Incident":
            Incident.model_validate(obj)


def test_the_table_of_metrics_names_every_metric() -> None:
    metrics = Metrics()
    metrics.watch(lambda: Figures({}, {}, 0, 0.0, watch_silent=False))
    found = set(re.findall(r"^# TYPE (paramedic_\w+)", metrics.text().decode(), re.MULTILINE))
    table = [line for line in OPERATIONS.splitlines() if line.startswith("| `paramedic_")]
    assert set(re.findall(r"`(paramedic_\w+)`", "\n".join(line.split(" | ")[0] for line in table))) == found


def test_the_table_of_options_names_every_setting() -> None:
    for name in Settings.model_fields:
        assert f"`--{name.replace('_', '-')}" in OPERATIONS
        assert f"`PARAMEDIC_{name.upper()}`" in OPERATIONS


def test_the_example_of_a_new_action_works() -> None:
    names: dict[str, Any] = {}
    exec(blocks(ROOT / "CONTRIBUTING.md", "python")[0], names)
    action, params = names["ConfigMapExists"](), names["ConfigMapExistsParameters"](name="checkout")
    config = {"kind": "ConfigMap", "metadata": {"name": "checkout"}, "data": {"url": "http://pay"}}
    assert isinstance(World.of(config).ask(lambda seen: action.prepare(params, context(), seen)), Finished)
    assert isinstance(World.of().ask(lambda seen: action.prepare(params, context(), seen)), Failed)
