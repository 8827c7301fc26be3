"""Revisions of a workload: ReplicaSets for Deployments, ControllerRevisions for StatefulSets and DaemonSets."""

import copy
from dataclasses import dataclass, field

from paramedic.actions.reads import ListObjects, Seen
from paramedic.actions.targets import owned_by, replica_sets_of
from paramedic.model.names import digest
from paramedic.model.objects import Object, annotations, dig, selector_query
from paramedic.model.references import CONTROLLER_REVISION
from paramedic.model.workloads import template_essence

REVISION_ANNOTATION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Revision:
    """One revision: its number (higher is newer), the object that keeps it, and its Pod template."""

    number: int
    name: str
    template: Object = field(hash=False)

    @property
    def essence(self) -> str:
        """A digest of what it runs: equal for revisions that differ only in restarts."""
        return essence(self.template)


def essence(template: Object) -> str:
    return digest(template_essence(template))


def revisions_of(workload: Object, seen: Seen) -> list[Revision]:
    """All kept revisions, newest first."""
    if workload["kind"] == "Deployment":
        found = [_of_replica_set(item) for item in replica_sets_of(workload, seen)]
    else:
        query = selector_query(dig(workload, "spec", "selector", default={}))
        listed = seen.items(ListObjects(CONTROLLER_REVISION, workload["metadata"]["namespace"], query))
        found = [_of_controller_revision(item) for item in listed if owned_by(item, workload["metadata"]["uid"])]
    return sorted(found, key=lambda item: item.number, reverse=True)


def current_revision(workload: Object, revisions: list[Revision]) -> Revision | None:
    """The newest revision that runs what the workload's template says now."""
    wanted = essence(workload["spec"]["template"])
    return next((item for item in revisions if item.essence == wanted), None)


def _of_replica_set(obj: Object) -> Revision:
    template = copy.deepcopy(obj["spec"]["template"])
    dig(template, "metadata", "labels", default={}).pop("pod-template-hash", None)
    return Revision(int(annotations(obj).get(REVISION_ANNOTATION, 0)), obj["metadata"]["name"], template)


def _of_controller_revision(obj: Object) -> Revision:
    # The data is a strategic merge patch of the owner (apps/v1, controller/history): the template, "$patch" aside.
    template = copy.deepcopy(dig(obj, "data", "spec", "template", default={}))
    template.pop("$patch", None)
    return Revision(int(obj.get("revision", 0)), obj["metadata"]["name"], template)
