"""The cluster as it would be after effects that nobody has performed."""

import pytest

from paramedic.actions.effects import Create, Delete, JsonPatch, MergePatch
from paramedic.actions.reads import EXISTS, GetObject, ListObjects, Missing, Read, Seen, TryCreate
from paramedic.engine.imagining import Imagined
from paramedic.model.objects import Object
from paramedic.model.references import DEPLOYMENT, POD, SECRET, ObjectRef
from unit.builders import NAMESPACE, pod, workload
from unit.seen import World

WEB = ObjectRef.to(DEPLOYMENT, NAMESPACE, "web", "uid-web")
PODS = ListObjects(POD, NAMESPACE, "app=web")
SECRET_BODY: Object = {
    "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kept", "namespace": NAMESPACE, "labels": {"app": "web"}},
}  # fmt: skip


def imagined(*reads: Read) -> Imagined:
    """Over a shop of one Deployment with two Pods, of which these questions were answered."""
    world = World.of(workload(), pod("web-1"), pod("web-2"))
    return Imagined(Seen({read: world.answer(read) for read in reads}))


def test_what_was_not_asked_yet_is_asked() -> None:
    with pytest.raises(Missing):
        imagined().get(WEB)


def test_a_patched_object_reads_as_patched_with_another_version_and_generation() -> None:
    seen = imagined(GetObject(WEB.named))
    change = seen.perform(MergePatch(WEB, "100", {"spec": {"replicas": 5}}))
    now = seen.get(WEB)
    assert change.before is not None and now is not None
    assert (change.before["spec"]["replicas"], now["spec"]["replicas"]) == (3, 5)
    assert now["metadata"]["resourceVersion"] != "100"
    assert now["metadata"]["generation"] == change.before["metadata"]["generation"] + 1


def test_a_change_of_metadata_alone_keeps_the_generation() -> None:
    seen = imagined(GetObject(WEB.named))
    change = seen.perform(JsonPatch(WEB, "100", [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]))
    now = seen.get(WEB)
    assert change.before is not None and now is not None
    assert now["metadata"]["generation"] == change.before["metadata"]["generation"]


def test_a_deleted_object_is_gone_from_lists_too() -> None:
    ref = ObjectRef.to(POD, NAMESPACE, "web-1", "uid-web-1")
    seen = imagined(GetObject(ref.named), PODS)
    seen.perform(Delete(ref))
    assert seen.get(ref) is None
    assert [item["metadata"]["name"] for item in seen.items(PODS)] == ["web-2"]


def test_a_new_object_is_there_and_in_the_lists_that_select_it() -> None:
    wanted, others = (ListObjects(SECRET, NAMESPACE, f"app={name}") for name in ("web", "shop"))
    seen = imagined(wanted, others)
    seen.perform(Create(SECRET_BODY))
    assert [item["metadata"]["name"] for item in seen.items(wanted)] == ["kept"]
    assert seen.items(others) == []


def test_a_name_that_was_taken_is_taken() -> None:
    seen = imagined()
    seen.perform(Create(SECRET_BODY))
    assert seen.try_create(TryCreate("again", NAMESPACE, SECRET, SECRET_BODY)) == EXISTS


def test_nothing_of_it_reaches_what_was_seen() -> None:
    answers = Seen({GetObject(WEB.named): workload()})
    Imagined(answers).perform(MergePatch(WEB, "100", {"spec": {"replicas": 5}}))
    assert answers.get(WEB) == workload()
