"""DryRun: every check really looks, every change is only explained: what would be written, object by object."""

from paramedic.actions.contract import Failed, Finished, Intent, Skipped, Waiting
from paramedic.actions.reads import Seen
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.engine.ending import settle_conditions
from paramedic.engine.foreseeing import Forecast, foresee, write_changes
from paramedic.engine.run import Decision, Happening, Run, Store
from paramedic.engine.stepping import unwanted
from paramedic.model.names import operation_id
from paramedic.model.text import shorten


def explain_run(run: Run, seen: Seen) -> Decision:
    """Explains each step of the plan that was just frozen. Changes that would be made count as made for the
    conditions of later steps.
    """
    assumed: list[StepStatus] = []
    for step in run.status.steps:
        planned = run.planned(step.name)
        step.operation_id = operation_id(run.incident.metadata.uid, step.name, 1)
        answer = unwanted(run, planned)
        if _explain(run, step, Forecast(answer) if answer else foresee(run, planned, seen)):
            assumed.append(step)
    for step in assumed:
        step.state = "Pending"
    would = sum(step.message.startswith("would") for step in run.status.steps)
    text = f"dry run: {would} of {len(run.status.steps)} steps would act; nothing was changed"
    run.say(text)
    run.observe("Succeeded", "True", "DryRun", text)
    settle_conditions(run)
    run.tell(Happening("Explained", text))
    run.status.times.finished_at = run.stamp()
    return Store()


def _explain(run: Run, step: StepStatus, forecast: Forecast) -> bool:
    """Writes down what would happen. Whether the step is taken to succeed."""
    verdict = forecast.verdict
    run.note("Explained", f"{step.name}: {verdict.message}")
    if isinstance(verdict, Intent):
        write_changes(step, forecast.changes)
        needs = " (after an approval)" if forecast.ask else ""
        step.message = shorten(f"would begin{needs}: {verdict.ask or verdict.message}", 1000)
        step.state = "Succeeded"
        return True
    if isinstance(verdict, Waiting):
        needs = " (by a person)" if verdict.person == "Done" else ""
        step.message, step.state = shorten(f"would begin{needs}: {verdict.message}", 1000), "Succeeded"
        return True
    if isinstance(verdict, Finished) and verdict.notices:
        step.message, step.state = shorten(f"would be done: {verdict.message}", 1000), "Succeeded"
        return True
    step.message = shorten(verdict.message, 1000)
    step.finished_at = run.stamp()
    if isinstance(verdict, Finished | Failed):
        step.outputs = dict(verdict.outputs)
    step.state = "Skipped" if isinstance(verdict, Skipped) else "Failed" if isinstance(verdict, Failed) else "Succeeded"
    return False
