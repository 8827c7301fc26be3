"""From a pydantic model to the schema that a CustomResourceDefinition takes."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from paramedic.api.v1alpha1.base import StepName
from paramedic.codegen.structural import NotStructural, structural


class Inner(BaseModel):
    """What is
    inside."""

    size: int = 3


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    maybe: str | None = Field(None, description="Perhaps.")
    above: Annotated[int, Field(gt=0, lt=10)] = 1
    always: Literal["one"] = "one"
    either: Literal["a", "b"] = "a"
    inner: Inner = Inner()
    inners: list[Inner] = Field(default_factory=list, max_length=4)
    words: dict[str, str] = Field(default_factory=dict, description="Words.")
    anything: dict[str, Any] = Field(default_factory=dict)
    whatever: Any = Field(None, description="What you like.")
    example: str = Field("x", examples=["y"], deprecated=True)


SCHEMA = structural(Outer)
FIELDS = SCHEMA["properties"]


def everywhere(node: Any) -> list[dict[str, Any]]:
    """Every object of a JSON value."""
    if isinstance(node, list):
        return [found for item in node for found in everywhere(item)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for item in node.values() for found in everywhere(item))]


@pytest.mark.parametrize("word", ["$ref", "$defs", "anyOf", "title", "const", "examples", "deprecated"])
def test_what_the_api_server_refuses_or_ignores_is_gone(word: str) -> None:
    assert not [node for node in everywhere(SCHEMA) if word in node]


def test_x_or_null_is_x() -> None:
    assert FIELDS["maybe"] == {"type": "string", "description": "Perhaps."}


def test_a_default_of_null_is_left_out() -> None:
    assert not [node for node in everywhere(SCHEMA) if node.get("default", ...) is None]


def test_other_defaults_are_kept() -> None:
    assert (FIELDS["above"]["default"], FIELDS["inner"]["default"]) == (1, {"size": 3})


def test_exclusive_bounds_are_booleans() -> None:
    assert {key: FIELDS["above"][key] for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")} == {
        "minimum": 0,
        "exclusiveMinimum": True,
        "maximum": 10,
        "exclusiveMaximum": True,
    }


def test_a_constant_is_an_enumeration_of_one() -> None:
    assert FIELDS["always"]["enum"] == ["one"]


def test_an_enumeration_is_kept() -> None:
    assert FIELDS["either"]["enum"] == ["a", "b"]


def test_a_model_within_a_model_is_put_in_place() -> None:
    assert FIELDS["inners"]["items"]["properties"] == {"size": {"type": "integer", "default": 3}}


def test_a_bound_of_a_list_is_kept() -> None:
    assert FIELDS["inners"]["maxItems"] == 4


def test_a_description_is_one_line() -> None:
    assert FIELDS["inners"]["items"]["description"] == "What is inside."


def test_unknown_fields_are_left_to_the_api_server_to_refuse() -> None:
    assert "additionalProperties" not in SCHEMA


def test_a_map_keeps_the_schema_of_its_values() -> None:
    assert FIELDS["words"]["additionalProperties"] == {"type": "string"}


def test_a_map_of_anything_keeps_what_it_does_not_know() -> None:
    assert FIELDS["anything"]["x-kubernetes-preserve-unknown-fields"] is True


def test_a_value_of_any_type_keeps_its_description() -> None:
    assert FIELDS["whatever"] == {"x-kubernetes-preserve-unknown-fields": True, "description": "What you like."}


def test_required_fields_stay_required() -> None:
    assert SCHEMA["required"] == ["text"]


def test_a_union_of_two_types_is_refused_with_its_place() -> None:
    class Either(BaseModel):
        value: int | str

    with pytest.raises(NotStructural, match=r"Either\.value: a union of 2 types has no structural schema"):
        structural(Either)


def test_a_default_holds_no_null() -> None:
    class Inner(BaseModel):
        some: int = 1
        none: int | None = None

    class Outer(BaseModel):
        inner: Inner = Inner()

    assert structural(Outer)["properties"]["inner"]["default"] == {"some": 1}


def test_what_does_not_fit_a_known_pattern_is_refused_with_what_to_write() -> None:
    class Named(BaseModel):
        name: StepName
        other: Annotated[str, StringConstraints(pattern="^x+$")]

    fields = structural(Named)["properties"]
    (rule,) = fields["name"]["x-kubernetes-validations"]
    assert rule["rule"] == "self.matches('^[a-z][a-zA-Z0-9]*$')"
    assert rule["message"] == "write letters and digits, a small letter first, such as verifyHealth"
    assert "pattern" not in fields["name"]
    assert fields["other"]["pattern"] == "^x+$"
