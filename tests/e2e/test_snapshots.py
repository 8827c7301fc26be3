"""snapshotVolumes on a real API server, with a snapshot controller that the test plays."""

from collections.abc import Iterator

import pytest

from support import snapshots
from support.kube import Kube
from support.objects import Object, deployment, incident, playbook, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e


@pytest.fixture
def snapshot_api(installed: Kube) -> Iterator[None]:
    snapshots.install(installed)
    yield
    snapshots.remove(installed)


def with_volumes(shop: Kube, count: int) -> Object:
    """web, whose Pods mount so many claims, each bound to one of the test's volumes."""
    found = deployment("web", replicas=1)
    spec = found["spec"]["template"]["spec"]
    for number in range(count):
        name = f"data-{number}"
        shop.apply(
            {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": shop.namespace,
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            }
        )  # fmt: skip
        spec.setdefault("volumes", []).append({"name": name, "persistentVolumeClaim": {"claimName": name}})
        spec["containers"][0].setdefault("volumeMounts", []).append({"name": name, "mountPath": f"/{name}"})
    return found


def keep(shop: Kube, claims: int = 2, **parameters: object) -> None:
    """Opens an incident on the healthy `web`, whose volumes are to be kept."""
    options = {"undo": parameters.pop("undo")} if "undo" in parameters else {}
    shop.apply(with_volumes(shop, claims))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("breach", step("keep", "snapshotVolumes", parameters, **options)))
    shop.apply(incident("breach", "web", "breach"))


def taken(shop: Kube, count: int = 2) -> list[str]:
    """The names of the snapshots, once there are so many."""
    shop.wait_for("namespace", shop.namespace, lambda _: len(shop.list("volumesnapshots")) == count)
    return [item["metadata"]["name"] for item in shop.list("volumesnapshots")]


def ended(shop: Kube) -> Object:
    found: Object = shop.incident_in("breach", "Resolved", "Failed")["status"]
    return found


def test_each_claim_is_kept_once_its_snapshot_is_ready_and_outlives_the_incident(
    shop: Kube, operator: Operator, volumes: list[str], snapshot_api: None
) -> None:
    keep(shop, snapshotClass="csi")
    first, second = taken(shop)
    sources = {item["spec"]["source"]["persistentVolumeClaimName"] for item in shop.list("volumesnapshots")}
    assert sources == {"data-0", "data-1"}
    snapshots.play_controller(shop, first, readyToUse=True)
    shop.wait_for("incident", "breach", lambda obj: "1 of 2 snapshots ready" in obj["status"]["message"])
    snapshots.play_controller(shop, second, readyToUse=True)

    status = ended(shop)
    assert status["phase"] == "Resolved", status["message"]
    assert sorted(status["steps"][0]["outputs"]["snapshots"]) == sorted([first, second])
    shop.run("delete", "incident", "breach")
    assert len(shop.list("volumesnapshots")) == 2


def test_a_snapshot_that_fails_fails_the_step_in_the_drivers_words(
    shop: Kube, operator: Operator, volumes: list[str], snapshot_api: None
) -> None:
    keep(shop, claims=1)
    [name] = taken(shop, 1)
    snapshots.play_controller(shop, name, readyToUse=False, error={"message": "cannot find the default class"})
    message = ended(shop)["message"]
    assert f"the snapshot {name} of claim data-0 failed: cannot find the default class" in message


def test_undo_deletes_the_snapshots_where_the_playbook_says_so(
    shop: Kube, operator: Operator, volumes: list[str], snapshot_api: None
) -> None:
    keep(shop, claims=1, deleteOnUndo=True, undo="OnResolve")
    [name] = taken(shop, 1)
    snapshots.play_controller(shop, name, readyToUse=True)
    status = ended(shop)
    assert status["phase"] == "Resolved", status["message"]
    assert status["steps"][0]["state"] == "Undone"
    assert shop.list("volumesnapshots") == []


def test_without_the_snapshot_api_the_step_says_what_to_install(
    shop: Kube, operator: Operator, volumes: list[str]
) -> None:
    keep(shop, claims=1)
    message = ended(shop)["message"]
    assert "the cluster does not serve volumesnapshots (snapshot.storage.k8s.io/v1): install the CRDs" in message


def test_without_a_claim_there_is_nothing_to_keep(shop: Kube, operator: Operator, snapshot_api: None) -> None:
    keep(shop, claims=0)
    assert "no Pod of Deployment/web mounts a PersistentVolumeClaim" in ended(shop)["message"]
    assert shop.list("volumesnapshots") == []
