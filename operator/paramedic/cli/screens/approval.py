"""What is approved: the step, the change it would make now, and the plan that the answer is bound to."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.cli.screens.layout import Hanging
from paramedic.cli.screens.plan import step_preview_rows
from paramedic.cli.screens.words import SEVERITY_STYLES, WAITING, without_command
from paramedic.preview import StepPreview


def approval_page(incident: Incident, step: StepStatus, preview: StepPreview, who: str) -> Group:
    return Group(*_rows(incident, step, preview, who))


def _rows(incident: Incident, step: StepStatus, preview: StepPreview, who: str) -> Iterator[RenderableType]:
    status, plan = incident.status, incident.status.plan
    severity = status.severity or ""
    yield Text.assemble(
        (incident.metadata.name, "bold"),
        "  ",
        (severity, SEVERITY_STYLES.get(severity, "")),
        "  ",
        incident.spec.summary,
    )
    asked = "waits for approval" if step.waits_for == "Approve" else "is sent again if you approve"
    answer = Text.assemble((f"{WAITING.icon} {step.name} {asked}", WAITING.style))
    yield Hanging(Text(), answer.append(f": {without_command(step.message)}", ""))
    yield Text()
    yield from step_preview_rows(preview, len(preview.name))
    if not preview.changes:
        yield Text("  └ it would change no object as things are now", "dim")
    if plan:
        yield Text()
        steps = ", ".join(item.name for item in plan.steps)
        yield Hanging(
            Text(f"Plan {plan.hash[:12]}  ", "bold"), Text(f"as ServiceAccount {plan.service_account_name}: {steps}")
        )
    opener = incident.spec.opened_by
    if opener and opener == who:
        text = "you opened this incident; where admission is installed, another person must approve"
        yield Hanging(Text("Note  ", "yellow"), Text(text))
