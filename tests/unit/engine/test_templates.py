"""Templates substitute, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.engine.templates import TemplateError, check_path, paths_in, substitute

VALUES = {
    "parameters": {"url": "http://x", "replicas": 3, "force": True, "list": [1], "nothing": None},
    "incident": {"name": "checkout-down", "labels": {"team": "shop", "app.kubernetes.io/name": "checkout"}},
    "steps": {"scope": {"outputs": {"scope": "Instance"}}},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("${parameters.url}/healthz", "http://x/healthz"),
        ("${parameters.replicas}", "3"),
        ("${parameters.force}", "true"),
        ("${incident.labels.team}", "shop"),
        ("${incident.labels.app.kubernetes.io/name}", "checkout"),
        ("${steps.scope.outputs.scope}", "Instance"),
        ("${parameters.url}${parameters.url}", "http://xhttp://x"),
        ("$parameters.url", "$parameters.url"),
        ("no template", "no template"),
        ("${ never closed", "${ never closed"),
    ],
)
def test_a_path_is_replaced_by_the_value_at_it(template: str, text: str) -> None:
    assert substitute(template, VALUES) == text


def test_templates_are_found_wherever_they_stand() -> None:
    value = {"a": ["${parameters.url}", {"b": "${incident.name}"}], "c": 3}
    assert substitute(value, VALUES) == {"a": ["http://x", {"b": "checkout-down"}], "c": 3}


def test_keys_are_not_templates() -> None:
    assert substitute({"${parameters.url}": 1}, VALUES) == {"${parameters.url}": 1}


def test_every_path_is_listed() -> None:
    assert list(paths_in({"a": ["${parameters.x} ${incident.y}"], "b": 3})) == ["parameters.x", "incident.y"]


@pytest.mark.parametrize("path", ["parameters.missing", "parameters.url.below", "steps.other.outputs.x"])
def test_a_path_that_leads_nowhere_is_an_error(path: str) -> None:
    with pytest.raises(TemplateError, match="leads nowhere"):
        substitute(f"${{{path}}}", VALUES)


@pytest.mark.parametrize("path", ["parameters.list", "incident.labels", "parameters.nothing"])
def test_a_path_to_what_is_no_text_is_an_error(path: str) -> None:
    with pytest.raises(TemplateError, match="is not a text or a number"):
        substitute(f"${{{path}}}", VALUES)


@pytest.mark.parametrize(
    "path", ["", "parameters", "env.HOME", "parameters.x()", "parameters['x']", "1 + 1", " incident.name"]
)
def test_anything_but_a_path_is_an_error_that_says_what_to_write(path: str) -> None:
    assert "is not a path; write one such as ${parameters.NAME}" in check_path(path)


@given(st.text())
def test_a_value_is_never_looked_at_again(value: str) -> None:
    assert substitute("a${parameters.x}b", {"parameters": {"x": value}}) == f"a{value}b"


@given(st.text(), st.text())
def test_a_value_that_contains_a_template_stays_as_it_is(before: str, after: str) -> None:
    value = before + "${parameters.secret}" + after
    assert substitute("${parameters.x}", {"parameters": {"x": value, "secret": "hunter2"}}) == value


def test_two_values_cannot_make_up_a_template_together() -> None:
    values = {"parameters": {"a": "${parame", "b": "ters.secret}", "secret": "hunter2"}}
    assert substitute("${parameters.a}${parameters.b}", values) == "${parameters.secret}"
