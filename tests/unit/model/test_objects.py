"""Kubernetes objects as plain JSON: fields that may be absent, and label selectors."""

from typing import Any

import pytest

from paramedic.model.objects import controller_of, dig, matches_selector, selector_query

WEB = {"app": "web", "tier": "front"}


def expression(operator: str, *values: str, key: str = "app") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replicas"), 3),
        (("spec", "ports", 0, "port"), 80),
        (("spec", "ports", 1), None),
        (("spec", "nothing", "below"), None),
        (("spec", "null"), None),
        (("spec", "replicas", "below"), None),
    ],
)
def test_digging_gives_the_value_or_none(path: tuple[str | int, ...], value: object) -> None:
    obj = {"spec": {"replicas": 3, "ports": [{"port": 80}], "null": None}}
    assert dig(obj, *path) == value


def test_digging_gives_zero_and_false_as_they_are() -> None:
    assert dig({"replicas": 0}, "replicas", default=1) == 0


def test_a_null_on_the_way_counts_as_absent() -> None:
    assert dig({"metadata": {"labels": None}}, "metadata", "labels", default={}) == {}


def test_no_selector_selects_nothing() -> None:
    assert not matches_selector(None, WEB)


def test_an_empty_selector_selects_everything() -> None:
    assert matches_selector({}, WEB)


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchLabels": {"app": "web", "missing": "x"}}, False),
        (expression("In", "web", "db"), True),
        (expression("In", "db"), False),
        (expression("NotIn", "db"), True),
        (expression("NotIn", "web"), False),
        (expression("NotIn", "web", key="missing"), True),
        (expression("Exists"), True),
        (expression("Exists", key="missing"), False),
        (expression("DoesNotExist"), False),
        (expression("DoesNotExist", key="missing"), True),
        ({"matchLabels": {"app": "web"}} | expression("Exists", key="missing"), False),
    ],
)
def test_a_selector_selects_as_the_api_server_does(selector: dict[str, Any], selected: bool) -> None:
    assert matches_selector(selector, WEB) is selected


def test_an_unknown_operator_is_an_error_not_a_match() -> None:
    with pytest.raises(ValueError, match="unknown label selector operator 'Like'"):
        matches_selector(expression("Like", "web"), WEB)


def test_a_selector_is_written_as_the_query_of_a_list() -> None:
    selector = {
        "matchLabels": {"tier": "front", "app": "web"},
        "matchExpressions": [
            {"key": "zone", "operator": "In", "values": ["a", "b"]},
            {"key": "env", "operator": "NotIn", "values": ["test"]},
            {"key": "live", "operator": "Exists"},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    assert selector_query(selector) == "app=web,tier=front,zone in (a,b),env notin (test),live,!old"


def test_an_empty_selector_is_an_empty_query() -> None:
    assert selector_query({}) == ""


def test_the_controller_is_the_owner_that_says_so() -> None:
    owners = [{"name": "helper"}, {"name": "boss", "controller": True}]
    assert controller_of({"metadata": {"ownerReferences": owners}}) == {"name": "boss", "controller": True}


def test_an_object_without_a_controller_has_none() -> None:
    assert controller_of({"metadata": {"ownerReferences": [{"name": "helper"}]}}) is None
