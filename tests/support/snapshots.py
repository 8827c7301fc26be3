"""The snapshot API, as far as paramedic uses it: a CRD of our own writing; who sets the status is up to the test."""

import json

from support.kube import Kube
from support.objects import Object

CRD = "volumesnapshots.snapshot.storage.k8s.io"
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def snapshot_crd(*, ready: bool = False) -> Object:
    """``ready``: each snapshot is ready to use as soon as it is created, as if a quick controller were there."""
    status = {**_ANY, **({"default": {"readyToUse": True}} if ready else {})}
    version = {
        "name": "v1", "served": True, "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ANY, "status": status}}},
        "subresources": {} if ready else {"status": {}},
    }  # fmt: skip
    names = {
        "kind": "VolumeSnapshot",
        "listKind": "VolumeSnapshotList",
        "plural": "volumesnapshots",
        "singular": "volumesnapshot",
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD, "annotations": {"api-approved.kubernetes.io": "unapproved, for tests only"}},
        "spec": {"group": "snapshot.storage.k8s.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }  # fmt: skip


def install(kube: Kube, *, ready: bool = False) -> None:
    kube.apply(snapshot_crd(ready=ready))
    kube.run("wait", "--for=condition=Established", f"crd/{CRD}")


def remove(kube: Kube) -> None:
    kube.run("delete", "crd", CRD, "--ignore-not-found")


def is_installed(kube: Kube) -> bool:
    return kube.find("crd", CRD) is not None


def play_controller(kube: Kube, name: str, **status: object) -> None:
    """Sets a snapshot's status, as the snapshot controller does."""
    kube.run(
        "patch", "volumesnapshot", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )
