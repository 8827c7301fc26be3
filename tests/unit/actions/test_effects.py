"""Changes as data: what they are bound to, and which permission each needs."""

import pytest

from paramedic.actions.effects import Create, Delete, Effect, JsonPatch, MergePatch, resource_plural, verb_of
from paramedic.model.references import POD, ObjectRef

WEB = ObjectRef.to(POD, "shop", "web-1", "uid-web-1")
BODY = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop"}}


def test_a_delete_without_a_uid_cannot_be_written_down() -> None:
    with pytest.raises(ValueError, match="a delete of Pod/web-1 needs its uid"):
        Delete(ObjectRef.to(POD, "shop", "web-1"))


@pytest.mark.parametrize(
    ("effect", "verb"),
    [
        (MergePatch(WEB, "7", {}), "patch"),
        (JsonPatch(WEB, "7", []), "patch"),
        (Create(BODY), "create"),
        (Delete(WEB), "delete"),
    ],
)
def test_an_effect_needs_one_verb_on_one_resource(effect: Effect, verb: str) -> None:
    assert (verb_of(effect), resource_plural(effect)) == (verb, "pods")


@pytest.mark.parametrize(
    ("effect", "text"),
    [
        (MergePatch(WEB, "7", {}), "patch Pod/web-1"),
        (JsonPatch(WEB, "7", []), "patch Pod/web-1"),
        (Create(BODY), "create Pod/web-1"),
        (Delete(WEB), "delete Pod/web-1"),
    ],
)
def test_an_effect_describes_itself(effect: Effect, text: str) -> None:
    assert effect.describe() == text
