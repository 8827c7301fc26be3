"""What must end by itself although no object of its own tells of it: written down, and read back without its Incident."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paramedic.actions.contract import Context, Parameters
from paramedic.actions.effects import Hold
from paramedic.model.names import child_name
from paramedic.model.objects import Object
from paramedic.model.references import ObjectRef
from paramedic.model.times import parse_time


def hold_on(action: str, params: Parameters, ctx: Context, record: Mapping[str, Any]) -> Hold:
    """The note of a change whose record says `operation` and `until`."""
    operation, until = str(record["operation"]), str(record["until"])
    content = {
        "action": action,
        "parameters": params.model_dump(by_alias=True, exclude_defaults=True),
        "record": dict(record),
        "incident": ctx.incident,
        "incidentUID": ctx.incident_uid,
        "namespace": ctx.namespace,
        "account": ctx.account,
        "step": ctx.step,
        "operation": operation,
        "target": ctx.target.dump(),
        "until": until,
    }
    return Hold(child_name(ctx.incident, ctx.step, operation), until, content)


@dataclass(frozen=True)
class Held:
    """A note, read back."""

    action: str
    parameters: Object
    record: Object
    incident: str
    incident_uid: str
    namespace: str
    account: str
    step: str
    operation: str
    target: ObjectRef
    until: datetime

    @classmethod
    def load(cls, content: Object) -> "Held":
        """Raises KeyError, TypeError and ValueError for what is no note."""
        texts = {
            name: str(content[name]) for name in ("action", "incident", "namespace", "account", "step", "operation")
        }
        return cls(
            parameters=dict(content["parameters"]), record=dict(content["record"]),
            incident_uid=str(content["incidentUID"]), target=ObjectRef.load(content["target"]),
            until=parse_time(str(content["until"])), **texts,
        )  # fmt: skip

    def context(self, now: datetime) -> Context:
        """What the undo of the action knows: all but what people have answered since."""
        return Context(
            incident=self.incident, incident_uid=self.incident_uid, namespace=self.namespace, account=self.account,
            step=self.step, attempt=1, operation_id=self.operation, target=self.target, pod=None, now=now,
            started_at=now, deadline=now,
        )  # fmt: skip
