"""Reminders for whoever a step waits for. The next one's moment is stored with the message before it, so that a restart
forgets none and repeats none.
"""

from paramedic.actions.contract import Reminder
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.engine.run import Run, since
from paramedic.engine.telling.levels import first_channels
from paramedic.engine.telling.messages import answer_command
from paramedic.engine.telling.notices import add_notice
from paramedic.model.durations import format_duration
from paramedic.model.times import format_time, parse_time


def remind(run: Run, step: StepStatus, rule: Reminder, message: str) -> None:
    """Writes the reminder down that is due. Those that a stopped operator has missed are one."""
    begun = parse_time(step.started_at or run.stamp())
    if step.remind_at is None:
        step.remind_at = format_time(begun + rule.every)
    if run.now < parse_time(step.remind_at):
        return
    passed = (run.now - begun) // rule.every
    step.remind_at = format_time(begun + rule.every * (passed + 1))
    waited = format_duration(since(step.started_at, run.now))
    text = f"Still waiting, for {waited}: {step.name}: {message}\nAnswer with: {answer_command(run, step)}"
    for channel in [rule.channel] if rule.channel else first_channels(run.plan.policy):
        add_notice(run, run.plan.policy, run.account, channel, f"Reminder {step.name}", text)
