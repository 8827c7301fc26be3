"""The objects of a FakeCluster, and what writes mean for them: versions, generations, preconditions, subresources."""

import copy
import uuid
from typing import Any

from paramedic.clock import Clock
from paramedic.cluster.fake_paths import Address
from paramedic.cluster.fake_selectors import by_fields, by_labels
from paramedic.cluster.transport import ApiError
from paramedic.model.objects import Object, dig
from paramedic.model.references import DEPLOYMENT
from paramedic.model.times import format_second

#: Kinds whose status is written through a subresource of its own.
WITH_STATUS = frozenset(
    {
        "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Namespace", "Service", "ResourceQuota",
        "PersistentVolumeClaim", "PodDisruptionBudget", "Job", "Incident", "Playbook",
    }
)  # fmt: skip
#: Kinds whose metadata.generation the API server counts.
WITH_GENERATION = frozenset(
    {
        "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "NetworkPolicy", "PodDisruptionBudget", "Job",
        "Incident", "Playbook",
    }
)  # fmt: skip
#: Kinds that can only be replaced by who names the resourceVersion they have seen.
NEVER_BLINDLY = frozenset({"Lease", "Incident", "Playbook"})
_SYSTEM_FIELDS = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "generation")


class Store:
    """Objects by address. Everything handed in or out is copied."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[Address, Object] = {}
        self._version = 0

    def get(self, address: Address) -> Object:
        """Raises ApiError 404."""
        found = self._objects.get(address.whole)
        if found is None:
            raise ApiError(404, "NotFound", f"{address.whole} not found")
        return copy.deepcopy(found)

    def select(self, address: Address, label_selector: str = "", field_selector: str = "") -> list[Object]:
        """The objects of a collection, in the order of etcd's keys. Raises ApiError 400."""
        labelled, fielded = by_labels(label_selector), by_fields(field_selector, address.resource.plural)
        found = [
            (key.namespace, key.name, obj)
            for key, obj in self._objects.items()
            if key.resource == address.resource and address.namespace in ("", key.namespace)
        ]
        found.sort(key=lambda item: item[:2])
        return [copy.deepcopy(obj) for _, _, obj in found if labelled(obj) and fielded(obj)]

    def create(self, address: Address, body: Object, *, dry: bool = False) -> Object:
        """Raises ApiError 409, 422."""
        obj = copy.deepcopy(body)
        meta = obj.setdefault("metadata", {})
        new = uuid.uuid4()
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + new.hex[:5]
        if not meta.get("name"):
            text = f'{address.resource.kind} "" is invalid: metadata.name: Required value: name or generateName is required'
            raise ApiError(422, "Invalid", text)
        place = address.named(meta["name"])
        if place in self._objects:
            raise ApiError(409, "AlreadyExists", f"{place} already exists")
        meta |= {"uid": str(new), "creationTimestamp": format_second(self._clock.now())}
        if address.namespace:
            meta["namespace"] = address.namespace
        if obj["kind"] in WITH_GENERATION:
            meta["generation"] = 1
        if obj["kind"] in WITH_STATUS:
            obj.pop("status", None)
        return self._keep(place, obj, dry)

    def update(self, address: Address, new: Object, *, dry: bool = False, put: bool = True) -> Object:
        """Puts an object in the place of the stored one, or, through the status subresource, its status alone.

        A uid or resourceVersion that the new one names must be the stored one's. ``put``: the new one came whole, which
        some kinds accept only with a resourceVersion, rather than by a patch. What changes nothing keeps its
        resourceVersion. Raises ApiError 404, 409, 422.
        """
        old = self.get(address)
        new = copy.deepcopy(new)
        self._check_preconditions(address, old, new["metadata"], put=put)
        if address.subresource == "status":
            new = {**old, "status": new.get("status")}
        elif old["kind"] in WITH_STATUS:
            new["status"] = old.get("status")
        new = {key: value for key, value in new.items() if value is not None}
        # What a client says about these is not heard; only the version is compared, above.
        kept = {key: old["metadata"][key] for key in (*_SYSTEM_FIELDS, "resourceVersion") if key in old["metadata"]}
        new["metadata"] = {key: value for key, value in new["metadata"].items() if key not in _SYSTEM_FIELDS} | kept
        if new == old:
            return old
        if address.subresource != "status" and old["kind"] in WITH_GENERATION and _counted(new) != _counted(old):
            new["metadata"]["generation"] += 1
        return self._keep(address.whole, new, dry)

    def delete(self, address: Address, preconditions: dict[str, Any] | None = None) -> Object:
        """Removes an object; one with finalizers is only marked. Raises ApiError 404, 409."""
        found = self.get(address)
        for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            wanted, there = (preconditions or {}).get(field), found["metadata"][field]
            if wanted and wanted != there:
                text = f"the {name} in the precondition ({wanted}) does not match the {name} in record ({there})."
                text += " The object might have been deleted and then recreated"
                raise ApiError(409, "Conflict", f"Operation cannot be fulfilled on {address}: {text}")
        if not found["metadata"].get("finalizers"):
            del self._objects[address.whole]
            return found
        if not found["metadata"].get("deletionTimestamp"):
            found["metadata"]["deletionTimestamp"] = format_second(self._clock.now())
            found = self._keep(address.whole, found, dry=False)
        return found

    def _check_preconditions(self, address: Address, old: Object, meta: Object, *, put: bool) -> None:
        uid, version = meta.get("uid"), meta.get("resourceVersion")
        operation = f"Operation cannot be fulfilled on {address.whole}"
        if put and uid and uid != old["metadata"]["uid"]:
            text = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
            raise ApiError(409, "Conflict", f"{operation}: {text}")
        if version and version != old["metadata"]["resourceVersion"]:
            text = "the object has been modified; please apply your changes to the latest version and try again"
            raise ApiError(409, "Conflict", f"{operation}: {text}")
        if uid and uid != old["metadata"]["uid"]:
            # To a patch, a uid is a field that cannot be changed; only the version is a precondition.
            text = f'metadata.uid: Invalid value: "{uid}": field is immutable'
            raise ApiError(422, "Invalid", f"{address.whole} is invalid: {text}")
        if put and not version and old["kind"] in NEVER_BLINDLY:
            text = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
            raise ApiError(422, "Invalid", f"{address.whole} is invalid: {text}")

    def _keep(self, address: Address, obj: Object, dry: bool) -> Object:
        if dry:
            return obj
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        finished = obj["metadata"].get("deletionTimestamp") and not obj["metadata"].get("finalizers")
        if finished:
            self._objects.pop(address, None)
        else:
            self._objects[address] = obj
        return copy.deepcopy(obj)


def _counted(obj: Object) -> Object:
    """What the generation counts the changes of: all but metadata and status, and a Deployment's annotations too."""
    counted = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    if obj["kind"] == DEPLOYMENT.kind:
        counted["annotations"] = dig(obj, "metadata", "annotations", default={})
    return counted
