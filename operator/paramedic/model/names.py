"""Names that paramedic gives: labels, annotations, operation identifiers, names of objects it creates."""

import hashlib
import json
import uuid
from typing import Any

#: Under which name the API server keeps who wrote which field (metadata.managedFields).
FIELD_MANAGER = "paramedic"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "paramedic"
INCIDENT_LABEL = "paramedic.dev/incident"
STEP_LABEL = "paramedic.dev/step"
QUARANTINE_LABEL = "paramedic.dev/quarantine"

#: Carried by whatever a step changed: which step of which Incident did it, once.
OPERATION_ANNOTATION = "paramedic.dev/operation-id"
#: Carried by what must not outlive its time: when it ends, who may end it, and which Incident made it.
EXPIRES_ANNOTATION = "paramedic.dev/expires-at"
ACCOUNT_ANNOTATION = "paramedic.dev/service-account"
INCIDENT_UID_ANNOTATION = "paramedic.dev/incident-uid"
#: Carried by a Lease that keeps what must end by itself: what it is, and how it is taken back.
HOLD_LABEL = "paramedic.dev/hold"
HOLD_ANNOTATION = "paramedic.dev/undo"
#: Carried by a Node that a step has cordoned: for which Incident, as namespace/name.
CORDONED_BY_ANNOTATION = "paramedic.dev/cordoned-by"
#: Carried by a Node that a step is about to cordon, until that is done or the time that it names is over.
CORDON_CLAIM_ANNOTATION = "paramedic.dev/cordon-claim"
#: Carried by an Incident that no playbook may answer, with the reason: an alert about paramedic must not start a loop.
NO_PLAYBOOK_ANNOTATION = "paramedic.dev/no-playbook"
#: kubectl's own, so that `kubectl rollout restart` and paramedic are seen as the same thing by other tools.
RESTARTED_ANNOTATION = "kubectl.kubernetes.io/restartedAt"

NAME_LIMIT = 63  # a label value (RFC 1123), which is also where names of our objects end up


def operation_id(incident_uid: str, step: str, attempt: int) -> str:
    """The one name of one attempt of one step: the same after any restart (RFC 9562 version 5)."""
    namespace = uuid.UUID(incident_uid) if _is_uuid(incident_uid) else uuid.uuid5(uuid.NAMESPACE_OID, incident_uid)
    return str(uuid.uuid5(namespace, f"{step}/{attempt}"))


def child_name(incident: str, step: str, operation: str) -> str:
    """The name of an object that a step creates: which Incident, which step, which attempt; at most 63 characters."""
    tail = f"-{step.lower()}"[:24] + f"-{operation[:8]}"
    return label_value(incident[: NAME_LIMIT - len(tail)]).rstrip("-.") + tail


def label_value(text: str) -> str:
    """At most 63 characters; a longer text keeps its start and ends in a digest of the whole."""
    if len(text) <= NAME_LIMIT:
        return text
    return text[: NAME_LIMIT - 9] + "-" + hashlib.sha256(text.encode()).hexdigest()[:8]


def our_labels(incident: str, step: str) -> dict[str, str]:
    """The labels of everything that paramedic creates."""
    return {MANAGED_BY_LABEL: MANAGED_BY, INCIDENT_LABEL: label_value(incident), STEP_LABEL: label_value(step)}


def digest(value: Any) -> str:
    """A sha256 of a JSON value, whatever the order of its keys, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def canonical(value: Any) -> str:
    """The one compact text of a JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def service_account_user(namespace: str, name: str) -> str:
    """The user name that the API server knows a ServiceAccount by."""
    return f"system:serviceaccount:{namespace}:{name}"


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
