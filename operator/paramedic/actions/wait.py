"""`wait`: let time pass."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from paramedic.actions.contract import Action, Context, Finished, Intent, Parameters, Working
from paramedic.actions.reads import Seen
from paramedic.model.durations import Duration, format_duration, parse_duration
from paramedic.model.times import format_time, parse_time


class WaitParameters(Parameters):
    """Lets a time pass before the next step, so that caches, queues or metrics can follow. The time counts from the
    start of the step, restarts of the operator included.
    """

    duration: Duration = Field(description="How long, such as 30s or 5m.")


class Wait(Action[WaitParameters]):
    name = "wait"
    phase = "Verify"
    parameters = WaitParameters
    timeout = timedelta(days=1)
    example = "wait: {duration: 30s}"

    def prepare(self, params: WaitParameters, ctx: Context, seen: Seen) -> Intent:
        until = ctx.now + parse_duration(params.duration)
        return Intent({"until": format_time(until)}, f"waiting {params.duration}", ctx.target)

    def observe(
        self, params: WaitParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Working | Finished:
        left = parse_time(record["until"]) - ctx.now
        if left <= timedelta(0):
            return Finished(f"waited {params.duration}")
        return Working(f"waiting, {format_duration(left)} left", progressing=True)
