"""Names that paramedic gives: the same after every restart, and valid wherever Kubernetes takes them."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.model.names import canonical, child_name, digest, label_value, operation_id, our_labels

INCIDENT = "0e6b2b52-33a5-4c6f-9a13-6f1d4a4bbf10"
RFC_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
incident_names = st.from_regex(RFC_1123, fullmatch=True).filter(lambda text: len(text) <= 253)
step_names = st.from_regex(r"[a-z][a-zA-Z0-9]{0,39}", fullmatch=True)


def test_one_attempt_has_the_same_operation_id_after_any_restart() -> None:
    assert operation_id(INCIDENT, "restart", 1) == "d4e901ac-4275-5290-8825-3926c49793c5"


def test_an_operation_id_is_a_uuid_of_version_5() -> None:
    assert uuid.UUID(operation_id(INCIDENT, "restart", 1)).version == 5


@pytest.mark.parametrize(
    "other", [(INCIDENT, "restart", 2), (INCIDENT, "rollback", 1), (str(uuid.UUID(int=7)), "restart", 1)]
)
def test_another_attempt_step_or_incident_has_another_operation_id(other: tuple[str, str, int]) -> None:
    assert operation_id(*other) != operation_id(INCIDENT, "restart", 1)


def test_an_incident_uid_that_is_no_uuid_gives_an_operation_id_too() -> None:
    assert operation_id("not-a-uuid", "restart", 1) == operation_id("not-a-uuid", "restart", 1)


@given(incident_names, step_names, st.uuids())
def test_a_child_name_is_a_valid_object_name_of_at_most_63_characters(
    incident: str, step: str, operation: uuid.UUID
) -> None:
    name = child_name(incident, step, str(operation))
    assert len(name) <= 63
    assert RFC_1123.fullmatch(name)


def test_a_child_name_says_incident_step_and_attempt() -> None:
    assert child_name("checkout-down", "collectLogs", "b0ef25bb-0000") == "checkout-down-collectlogs-b0ef25bb"


def test_children_of_two_attempts_of_a_long_incident_differ() -> None:
    assert child_name("x" * 253, "s" * 40, "aaaaaaaa") != child_name("x" * 253, "s" * 40, "bbbbbbbb")


@given(incident_names)
def test_a_label_value_is_one_that_the_api_server_takes(text: str) -> None:
    assert len(label_value(text)) <= 63
    assert LABEL_VALUE.fullmatch(label_value(text))


def test_a_short_label_value_is_left_alone() -> None:
    assert label_value("checkout-down") == "checkout-down"


def test_long_texts_with_the_same_start_get_different_label_values() -> None:
    assert label_value("x" * 100 + "a") != label_value("x" * 100 + "b")


def test_what_paramedic_creates_says_who_made_it_and_for_what() -> None:
    assert our_labels("checkout-down", "isolate") == {
        "app.kubernetes.io/managed-by": "paramedic",
        "paramedic.dev/incident": "checkout-down",
        "paramedic.dev/step": "isolate",
    }


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2, {"c": 3, "d": 4}]}) == digest({"b": [2, {"d": 4, "c": 3}], "a": 1})


def test_a_digest_depends_on_the_order_of_a_list() -> None:
    assert digest([1, 2]) != digest([2, 1])


def test_the_canonical_text_is_compact_and_sorted() -> None:
    assert canonical({"b": "ä", "a": [1, None]}) == '{"a":[1,null],"b":"ä"}'
