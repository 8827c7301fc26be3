"""What a screen is about: the incident, the moment, and what else was seen."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import IncidentStatus, StepStatus
from paramedic.engine.lifecycle import ENDED
from paramedic.model.objects import Object
from paramedic.model.times import parse_time

OVER = frozenset({"Succeeded", "Failed", "Skipped", "Undone"})


@dataclass(frozen=True)
class View:
    """``target`` is the workload as it is now, where the caller may see it; ``flags`` lead to this cluster and
    namespace, for the commands that are shown.
    """

    incident: Incident
    now: datetime
    flags: str = ""
    target: Object | None = None

    @property
    def status(self) -> IncidentStatus:
        return self.incident.status

    @property
    def name(self) -> str:
        return self.incident.metadata.name

    @property
    def ended(self) -> bool:
        return self.status.phase in ENDED

    @property
    def over(self) -> bool:
        """Whether no further step will run: it has ended, or is about to."""
        return self.ended or self.status.ending is not None

    @property
    def current(self) -> StepStatus | None:
        """The step that the incident stands at; None where no further one will run."""
        if self.over:
            return None
        return next((step for step in self.status.steps if step.state not in OVER), None)

    @property
    def asked(self) -> StepStatus | None:
        """The step that waits for a person."""
        step = self.current
        return step if step and step.state == "Waiting" and step.waits_for != "Rollout" else None

    def since(self, moment: str | None) -> timedelta:
        return self.now - parse_time(moment) if moment else timedelta(0)

    def left(self, moment: str | None) -> timedelta | None:
        """How long until a moment; None where there is none."""
        return parse_time(moment) - self.now if moment else None

    def command(self, text: str) -> str:
        return f"kubectl incident {text} {self.flags}".rstrip()
