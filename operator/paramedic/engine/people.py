"""What people write into an incident: who has taken it, who leads, what users notice, notes. Each goes on the timeline."""

from paramedic.api.v1alpha1.incident_status import Acknowledgement
from paramedic.engine.run import Run


def see_people(run: Run) -> None:
    """Takes notice of what people have written since the last look."""
    _see_acknowledgement(run)
    _see_lead(run)
    _see_impact(run)
    _see_notes(run)


def _see_acknowledgement(run: Run) -> None:
    by = run.incident.spec.acknowledged_by
    if not by or (run.status.acknowledgement and run.status.acknowledgement.by == by):
        return
    run.status.acknowledgement = Acknowledgement(by=by, at=run.stamp())
    run.status.acknowledged_by = by
    run.status.times.acknowledged_at = run.status.times.acknowledged_at or run.stamp()
    run.observe("Acknowledged", "True", "Acknowledged", f"acknowledged by {by}")
    run.note("Acknowledged", f"acknowledged by {by}", actor=by)


def _see_lead(run: Run) -> None:
    lead = run.incident.spec.lead
    if lead == run.status.lead:
        return
    before = run.status.lead
    if lead is None:
        text = f"{before} no longer leads"
    else:
        text = f"{lead} leads now, handed over by {before}" if before else f"{lead} leads"
    run.status.lead = lead
    run.note("LeadChanged", text, actor=lead or before or "")


def _see_impact(run: Run) -> None:
    impact = run.incident.spec.impact
    if impact == run.status.impact:
        return
    run.status.impact = impact
    run.note("ImpactStated", impact or "no impact is stated any more", actor=run.status.lead or "a person")


def _see_notes(run: Run) -> None:
    notes = run.incident.spec.notes
    for note in notes[run.status.notes_seen :]:
        run.note("Note", note.text, actor=note.by)
    run.status.notes_seen = len(notes)
