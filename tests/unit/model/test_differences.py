"""How two states of an object differ, field by field, and what of it nobody is shown."""

import copy
from typing import Any

from paramedic.model.differences import HIDDEN, HIDDEN_OTHER, differences
from paramedic.model.objects import Object
from unit.builders import workload


def rows(before: Object | None, after: Object | None) -> list[tuple[str, str | None, str | None]]:
    return [(item.path, item.before, item.after) for item in differences(before, after)]


def with_spec(**spec: Any) -> Object:
    found = workload()
    found["spec"] = found["spec"] | spec
    return found


def test_the_same_object_has_no_difference() -> None:
    assert rows(workload(), workload()) == []


def test_a_field_is_told_with_both_values_as_json() -> None:
    assert rows(workload(), with_spec(replicas=5)) == [("spec.replicas", "3", "5")]


def test_a_field_of_a_list_is_told_by_its_position() -> None:
    assert rows(workload(image="web:v2"), workload(image="web:v1")) == [
        ("spec.template.spec.containers[0].image", '"web:v2"', '"web:v1"')
    ]


def test_a_list_of_another_length_is_told_as_a_whole() -> None:
    assert rows({"spec": {"ports": [80]}}, {"spec": {"ports": [80, 443]}}) == [("spec.ports", "[80]", "[80,443]")]


def test_a_key_that_is_no_plain_name_is_quoted_and_metadata_comes_last() -> None:
    changed = with_spec(replicas=5)
    changed["metadata"]["annotations"] = {"a.b/c": "1"}
    assert rows(workload(), changed) == [("spec.replicas", "3", "5"), ('metadata.annotations["a.b/c"]', None, '"1"')]


def test_a_field_that_goes_has_no_value_afterwards() -> None:
    assert rows(with_spec(paused=True), workload()) == [("spec.paused", "true", None)]


def test_a_new_object_is_told_field_by_field_down_to_what_is_empty() -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "cut", "namespace": "shop"},
        "spec": {"podSelector": {}, "ingress": []},
    }  # fmt: skip
    assert rows(None, policy) == [("spec.ingress", None, "[]"), ("spec.podSelector", None, "{}")]


def test_what_only_the_server_and_kubectl_write_is_no_difference() -> None:
    changed = copy.deepcopy(workload())
    changed["metadata"] |= {"resourceVersion": "999", "generation": 9, "managedFields": [{}]}
    changed["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    changed["status"] = {}
    assert [path for path, *_ in rows(workload(), changed)] == ["metadata.annotations"]


def test_a_value_of_a_secret_tells_no_more_than_that_it_is_another_one() -> None:
    before = {"kind": "Secret", "metadata": {}, "data": {"kept": "a", "changed": "b", "gone": "c"}}
    after = {"kind": "Secret", "metadata": {}, "data": {"kept": "a", "changed": "d", "new": "e"}}
    assert rows(before, after) == [
        ("data.changed", f'"{HIDDEN}"', f'"{HIDDEN_OTHER}"'),
        ("data.gone", f'"{HIDDEN}"', None),
        ("data.new", None, f'"{HIDDEN}"'),
    ]
