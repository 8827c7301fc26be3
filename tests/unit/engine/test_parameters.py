"""The values of a playbook's parameters: typed, complete, and no others."""

from typing import Any

import pytest

from paramedic.api.v1alpha1.playbook import Parameter
from paramedic.engine.parameters import resolve

URL = Parameter(name="url", required=True, description="where to ask")
COUNT = Parameter(name="count", type="integer", default="3")


KNOWN = {"target": {"name": "checkout"}, "incident": {"namespace": "shop"}}


def problems(*declared: Parameter, **given: str) -> list[str]:
    return resolve(declared, given, KNOWN)[1]


def values(*declared: Parameter, **given: str) -> dict[str, Any]:
    return resolve(declared, given, KNOWN)[0]


def test_the_incident_gives_a_value() -> None:
    assert values(URL, url="http://x") == {"url": "http://x"}


def test_the_default_is_used_where_the_incident_gives_none() -> None:
    assert values(COUNT) == {"count": 3}


def test_the_value_of_the_incident_goes_before_the_default() -> None:
    assert values(COUNT, count="5") == {"count": 5}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [("string", "3", "3"), ("integer", "-3", -3), ("boolean", "true", True), ("boolean", "false", False), ("duration", "10m", "10m")],
)  # fmt: skip
def test_a_value_gets_the_type_of_its_parameter(kind: Any, text: str, value: object) -> None:
    assert values(Parameter(name="x", type=kind), x=text) == {"x": value}


@pytest.mark.parametrize(("kind", "value"), [("string", ""), ("integer", 0), ("boolean", False), ("duration", "0s")])
def test_an_optional_parameter_without_a_default_is_empty(kind: Any, value: object) -> None:
    assert values(Parameter(name="x", type=kind)) == {"x": value}


def test_a_required_parameter_that_is_missing_is_named_with_its_meaning() -> None:
    assert problems(URL) == [
        "spec.parameters.url is required by the playbook (where to ask); open a new incident that gives it"
    ]


def test_a_parameter_that_the_playbook_does_not_have_is_named_with_those_it_has() -> None:
    assert problems(URL, COUNT, url="x", healthUrl="y") == [
        "spec.parameters.healthUrl is not a parameter of the playbook; it has count, url"
    ]


@pytest.mark.parametrize(
    ("kind", "text", "mend"),
    [
        ("integer", "three", "'three' is not an integer; write digits such as '3'"),
        ("boolean", "yes", "'yes' is not a boolean; write 'true' or 'false'"),
        ("duration", "10 minutes", "'10 minutes' is not a duration; write hours, minutes and seconds"),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_to_write(kind: Any, text: str, mend: str) -> None:
    (problem,) = problems(Parameter(name="x", type=kind), x=text)
    assert problem.startswith(f"spec.parameters.x: {mend}")


def test_every_problem_is_told_at_once() -> None:
    assert len(problems(URL, COUNT, count="x", other="y")) == 3


def test_a_default_may_be_a_template_over_the_target_and_the_incident() -> None:
    url = Parameter(name="url", default="http://${target.name}.${incident.namespace}/healthz")
    assert values(url) == {"url": "http://checkout.shop/healthz"}


def test_what_an_incident_gives_is_data_and_no_template() -> None:
    url = Parameter(name="url", default="x")
    assert values(url, url="${target.name}") == {"url": "${target.name}"}


def test_a_default_that_leads_nowhere_is_named_with_its_parameter() -> None:
    url = Parameter(name="url", default="${incident.alert.labels.team}")
    (problem,) = problems(url)
    assert problem.startswith("spec.parameters.url is not given, and its default ${incident.alert.labels.team}:")
