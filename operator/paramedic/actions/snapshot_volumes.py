"""`snapshotVolumes`: keeps what is on the target's volumes, before anybody cleans up."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Parameters,
    Pending,
    Preparation,
    Working,
)
from paramedic.actions.effects import Create, Delete
from paramedic.actions.reads import GetObject, ListObjects, NotServed, Seen
from paramedic.actions.targets import carries, counted_pods, find_target, look_permissions
from paramedic.model.names import (
    INCIDENT_LABEL,
    OPERATION_ANNOTATION,
    STEP_LABEL,
    child_name,
    digest,
    label_value,
    our_labels,
)
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import CLAIM, VOLUME_SNAPSHOT, ObjectRef
from paramedic.model.text import listing, plural, shorten

_MOST = 32


class SnapshotVolumesParameters(Parameters):
    """Takes a VolumeSnapshot of every PersistentVolumeClaim that the target's Pods mount, and waits until each is ready
    to use, within the step's timeout. The snapshots are evidence: they outlive the incident, and undo keeps them unless
    `deleteOnUndo` says otherwise. A claim that is not bound has nothing on it and is left out. Refused where no claim is
    mounted, and where the cluster has no snapshot API (snapshot.storage.k8s.io/v1); fails with the driver's own message
    where a snapshot fails. What a program has not written to its volume yet is not in it. Can be undone. Outputs:
    snapshots, claims. Write `snapshotVolumes: {}`.
    """

    snapshot_class: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Field(
        None, description="The VolumeSnapshotClass; the default one of each volume's driver if left out."
    )
    delete_on_undo: bool = Field(False, description="Whether undo deletes the snapshots.")


class SnapshotVolumes(Action[SnapshotVolumesParameters]):
    name = "snapshotVolumes"
    phase = "Contain"
    parameters = SnapshotVolumesParameters
    can_undo = True
    timeout = timedelta(minutes=30)
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "snapshotVolumes: {snapshotClass: csi-snapshots}"

    def permissions(self, params: SnapshotVolumesParameters, kind: str) -> frozenset[Permission]:
        verbs = ["get", "list", "create"] + (["delete"] if params.delete_on_undo else [])
        found = {Permission.to(verb, VOLUME_SNAPSHOT) for verb in verbs} | {Permission.to("get", CLAIM)}
        return look_permissions(kind) | found

    def prepare(self, params: SnapshotVolumesParameters, ctx: Context, seen: Seen) -> Preparation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        try:
            seen.items(ListObjects(VOLUME_SNAPSHOT, ctx.namespace, _ours(ctx)))
        except NotServed as missing:
            return Failed(
                f"{missing}: install the CRDs and the controller of kubernetes-csi/external-snapshotter, and a"
                " VolumeSnapshotClass for the volumes' driver",
                final=True,
            )
        names = sorted({name for pod in counted_pods(found, seen) for name in _claims_of(pod)})
        if not names:
            return Failed(
                f"no Pod of {ctx.target} mounts a PersistentVolumeClaim, so there is nothing to keep", final=True
            )
        refs = [ObjectRef.to(CLAIM, ctx.namespace, name) for name in names]
        seen.prefetch(GetObject(ref) for ref in refs)
        bound = [ref.name for ref in refs if dig(seen.get(ref), "status", "phase") == "Bound"]
        if not bound:
            return Failed(f"none of the claims of {ctx.target} is bound to a volume: {listing(names)}", final=True)
        if len(bound) > _MOST:
            text = f"{ctx.target} has {len(bound)} bound claims, more than the {_MOST} of one step"
            return Failed(f"{text}; take snapshots of them by hand", final=True)
        return _intent(params, ctx, bound, sorted(set(names).difference(bound)))

    def observe(
        self, params: SnapshotVolumesParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Observation:
        refs = {
            item["claim"]: ObjectRef.to(VOLUME_SNAPSHOT, ctx.namespace, item["snapshot"])
            for item in record["snapshots"]
        }
        seen.prefetch(GetObject(ref) for ref in refs.values())
        found = {claim: seen.get(ref) for claim, ref in refs.items()}
        missing = [claim for claim, snapshot in found.items() if snapshot is None]
        if missing:
            return Pending(tuple(Create(_snapshot(params, ctx, record, claim, refs[claim].name)) for claim in missing))
        waiting = []
        for claim, snapshot in found.items():
            if snapshot is None:
                continue
            if not carries(snapshot, record["operation"]):
                return Failed(f"{refs[claim]} is another's; delete it, then open a new incident", final=True)
            if error := dig(snapshot, "status", "error", "message"):
                return Failed(f"the snapshot {refs[claim].name} of claim {claim} failed: {shorten(str(error), 500)}")
            if not dig(snapshot, "status", "readyToUse"):
                waiting.append(claim)
        if waiting:
            ready = len(found) - len(waiting)
            return Working(f"{ready} of {plural(len(found), 'snapshot')} ready; waiting for {listing(waiting)}")
        outputs = {"snapshots": [ref.name for ref in refs.values()], "claims": list(refs)}
        return Finished(f"{plural(len(refs), 'VolumeSnapshot')} ready to use: {listing(outputs['snapshots'])}", outputs)

    def undo(
        self, params: SnapshotVolumesParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Observation:
        refs = [ObjectRef.to(VOLUME_SNAPSHOT, ctx.namespace, item["snapshot"]) for item in record["snapshots"]]
        seen.prefetch(GetObject(ref) for ref in refs)
        there = [found for ref in refs if (found := seen.get(ref)) is not None and carries(found, record["operation"])]
        if not params.delete_on_undo:
            mend = f"kubectl delete volumesnapshots -n {ctx.namespace} -l {_ours(ctx)}"
            return Finished(f"{plural(len(there), 'VolumeSnapshot')} kept as evidence; to delete: {mend}")
        done = Finished(f"the snapshots are deleted: {listing([ref.name for ref in refs])}")
        effects = tuple(Delete(ObjectRef.of(item)) for item in there if not dig(item, "metadata", "deletionTimestamp"))
        return Pending(effects, done=done) if effects else done


def _claims_of(pod: Object) -> list[str]:
    """The claims that a Pod mounts; that of an ephemeral volume is named after Pod and volume."""
    volumes = dig(pod, "spec", "volumes", default=[])
    named = [dig(volume, "persistentVolumeClaim", "claimName") for volume in volumes]
    made = [f"{pod['metadata']['name']}-{volume['name']}" for volume in volumes if "ephemeral" in volume]
    return [name for name in named if name] + made


def _ours(ctx: Context) -> str:
    return f"{INCIDENT_LABEL}={label_value(ctx.incident)},{STEP_LABEL}={label_value(ctx.step)}"


def _intent(params: SnapshotVolumesParameters, ctx: Context, bound: list[str], unbound: list[str]) -> Intent:
    record = {
        "operation": ctx.operation_id,
        "snapshots": [
            {"claim": claim, "snapshot": child_name(ctx.incident, ctx.step, digest([ctx.operation_id, claim]))}
            for claim in bound
        ],
    }
    message = f"taking a snapshot of {plural(len(bound), 'claim')} of {ctx.target}: {listing(bound)}"
    if unbound:
        message += f"; not of {listing(unbound)}, which no volume is bound to"
    return Intent(record, message, ctx.target, change={"claims": bound, "class": params.snapshot_class})


def _snapshot(
    params: SnapshotVolumesParameters, ctx: Context, record: Mapping[str, Any], claim: str, name: str
) -> Object:
    """Without an owner, so that the evidence outlives the Incident."""
    spec: Object = {"source": {"persistentVolumeClaimName": claim}}
    if params.snapshot_class:
        spec["volumeSnapshotClassName"] = params.snapshot_class
    return {
        "apiVersion": VOLUME_SNAPSHOT.api_version,
        "kind": VOLUME_SNAPSHOT.kind,
        "metadata": {
            "name": name,
            "namespace": ctx.namespace,
            "labels": our_labels(ctx.incident, ctx.step),
            "annotations": {OPERATION_ANNOTATION: record["operation"]},
        },
        "spec": spec,
    }
