"""snapshotVolumes keeps what is on the target's volumes."""

from typing import Any

import pytest

from paramedic.actions.contract import Failed, Finished, Intent, Pending, Working
from paramedic.actions.effects import Create, Delete
from paramedic.model.objects import Object
from unit.acting import apply, expect, observe, prepare, record_of, refused, undo
from unit.builders import NAMESPACE, context, pod, workload
from unit.seen import World

OPERATION = context("StatefulSet").operation_id


def claim(name: str, phase: str = "Bound") -> Object:
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE}, "status": {"phase": phase},
    }  # fmt: skip


def mounting(name: str, *claims: str) -> Object:
    volumes = [{"name": f"v{at}", "persistentVolumeClaim": {"claimName": item}} for at, item in enumerate(claims)]
    return pod(name, of="StatefulSet", volumes=volumes)


def shop(*more: Object, **answers: Any) -> World:
    """web, of which two Pods have a volume each."""
    pods = [mounting("web-0", "data-web-0"), mounting("web-1", "data-web-1")]
    claims = [claim("data-web-0"), claim("data-web-1")]
    return World.of(workload("StatefulSet"), *pods, *claims, *more, **answers)


def asked(world: World, **params: Any) -> Any:
    return prepare("snapshotVolumes", world, context("StatefulSet"), **params)


def look(world: World, record: Any, **params: Any) -> Any:
    return observe("snapshotVolumes", world, record, context("StatefulSet"), **params)


def taken(world: World, **params: Any) -> Any:
    """The record of snapshots that are created."""
    record = record_of(asked(world, **params))
    apply(world, *expect(Pending, look(world, record, **params)).effects)
    return record


def snapshots(world: World) -> list[Object]:
    return [obj for (kind, _), obj in sorted(world.objects.items()) if kind == "VolumeSnapshot"]


def ready(world: World, *, but: str = "") -> None:
    """The snapshot controller has done its work."""
    for item in snapshots(world):
        item["metadata"]["uid"] = f"uid-{item['metadata']['name']}"
        if item["spec"]["source"]["persistentVolumeClaimName"] != but:
            item["status"] = {"readyToUse": True}


def test_each_claim_that_a_pod_mounts_gets_a_snapshot() -> None:
    world = shop()
    taken(world)
    sources = [item["spec"]["source"]["persistentVolumeClaimName"] for item in snapshots(world)]
    assert sorted(sources) == ["data-web-0", "data-web-1"]


def test_a_snapshot_says_whose_it_is_and_outlives_its_incident() -> None:
    world = shop()
    taken(world)
    meta = snapshots(world)[0]["metadata"]
    assert meta["labels"]["paramedic.dev/incident"] == "checkout-down"
    assert meta["annotations"] == {"paramedic.dev/operation-id": OPERATION}
    assert "ownerReferences" not in meta


def test_the_class_is_the_drivers_own_unless_one_is_named() -> None:
    world = shop()
    taken(world)
    assert "volumeSnapshotClassName" not in snapshots(world)[0]["spec"]
    world = shop()
    taken(world, snapshotClass="csi")
    assert snapshots(world)[0]["spec"]["volumeSnapshotClassName"] == "csi"


def test_a_claim_that_two_pods_share_gets_one_snapshot() -> None:
    world = shop(mounting("web-2", "data-web-0"))
    assert len(record_of(asked(world))["snapshots"]) == 2


def test_an_ephemeral_volume_has_a_claim_too() -> None:
    world = shop(pod("web-2", of="StatefulSet", volumes=[{"name": "tmp", "ephemeral": {}}]), claim("web-2-tmp"))
    assert [item["claim"] for item in record_of(asked(world))["snapshots"]][-1] == "web-2-tmp"


def test_it_is_done_once_every_snapshot_is_ready() -> None:
    world = shop()
    record = taken(world)
    expect(Working, look(world, record))
    ready(world, but="data-web-1")
    assert expect(Working, look(world, record)).message == "1 of 2 snapshots ready; waiting for data-web-1"
    ready(world)
    done = expect(Finished, look(world, record))
    assert done.outputs["claims"] == ["data-web-0", "data-web-1"]
    assert done.outputs["snapshots"] == [item["snapshot"] for item in record["snapshots"]]


def test_what_a_crash_left_out_is_created_and_no_more() -> None:
    world = shop()
    record = record_of(asked(world))
    first, second = expect(Pending, look(world, record)).effects
    apply(world, first)
    assert expect(Pending, look(world, record)).effects == (second,)


def test_a_snapshot_that_fails_fails_the_step_in_its_own_words() -> None:
    world = shop()
    record = taken(world)
    snapshots(world)[0]["status"] = {"readyToUse": False, "error": {"message": "driver has no snapshots"}}
    assert expect(Failed, look(world, record)).message.endswith("failed: driver has no snapshots")


def test_a_snapshot_of_somebody_else_that_has_the_name_is_not_taken_for_ours() -> None:
    world = shop()
    record = taken(world)
    snapshots(world)[0]["metadata"]["annotations"] = {}
    assert "is another's" in refused(look(world, record))


def test_a_cluster_without_the_snapshot_api_is_refused_with_what_to_install() -> None:
    message = refused(asked(shop(unserved=frozenset({"VolumeSnapshot"}))))
    assert message == (
        "the cluster does not serve volumesnapshots (snapshot.storage.k8s.io/v1): install the CRDs and the controller of"
        " kubernetes-csi/external-snapshotter, and a VolumeSnapshotClass for the volumes' driver"
    )


def test_a_target_without_volumes_is_refused() -> None:
    world = World.of(workload("StatefulSet"), pod("web-0", of="StatefulSet"))
    assert "no Pod of StatefulSet/web mounts a PersistentVolumeClaim" in refused(asked(world))


def test_a_claim_without_a_volume_is_left_out_and_said_so() -> None:
    world = shop()
    world.objects["PersistentVolumeClaim", "data-web-1"]["status"]["phase"] = "Pending"
    assert expect(Intent, asked(world)).message == (
        "taking a snapshot of 1 claim of StatefulSet/web: data-web-0; not of data-web-1, which no volume is bound to"
    )


def test_where_no_claim_has_a_volume_there_is_nothing_to_keep() -> None:
    world = shop()
    for name in ("data-web-0", "data-web-1"):
        del world.objects["PersistentVolumeClaim", name]
    assert "none of the claims of StatefulSet/web is bound to a volume" in refused(asked(world))


def test_more_claims_than_one_step_keeps_are_refused() -> None:
    names = [f"c{number}" for number in range(33)]
    world = shop(mounting("web-2", *names), *[claim(name) for name in names])
    assert "35 bound claims, more than the 32 of one step" in refused(asked(world))


def test_undo_keeps_the_evidence_and_says_how_to_delete_it() -> None:
    world = shop()
    record = taken(world)
    message = expect(Finished, undo("snapshotVolumes", world, record, context("StatefulSet"))).message
    assert message == (
        "2 VolumeSnapshots kept as evidence; to delete: kubectl delete volumesnapshots -n shop -l"
        " paramedic.dev/incident=checkout-down,paramedic.dev/step=mend"
    )


@pytest.mark.parametrize("others", [0, 1])
def test_undo_deletes_those_of_ours_where_the_playbook_says_so(others: int) -> None:
    world = shop()
    record = taken(world)
    ready(world)
    for item in snapshots(world)[:others]:
        item["metadata"]["annotations"] = {}
    pending = expect(Pending, undo("snapshotVolumes", world, record, context("StatefulSet"), deleteOnUndo=True))
    assert [type(effect) for effect in pending.effects] == [Delete] * (2 - others)
    apply(world, *pending.effects)
    expect(Finished, undo("snapshotVolumes", world, record, context("StatefulSet"), deleteOnUndo=True))


def test_the_create_is_recognised_by_its_name_whichever_attempt_asks() -> None:
    world = shop()
    first, again = record_of(asked(world)), record_of(asked(world))
    assert first == again
    assert len({item["snapshot"] for item in first["snapshots"]}) == 2
    assert all(isinstance(effect, Create) for effect in expect(Pending, look(world, first)).effects)
