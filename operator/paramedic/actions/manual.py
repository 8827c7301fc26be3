"""`manual`: what only a person can do. The run waits until somebody says that it is done."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters, Waiting
from paramedic.actions.reads import Seen
from paramedic.model.text import shorten


class ManualParameters(Parameters):
    """A task for a person. The incident waits (phase Waiting) until an entry in its spec.approvals for this step says
    Done or Reject; who did it and their note are kept. Reject fails the step. The step's timeout bounds the wait.
    Outputs: by, note.
    """

    instructions: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="What to do, written for somebody who was woken up for it. Templates are substituted."
    )


class Manual(Action[ManualParameters]):
    name = "manual"
    phase = "Remediate"
    parameters = ManualParameters
    timeout = timedelta(hours=24)
    prose = frozenset({"instructions"})
    example = 'manual: {instructions: "Ask the payment provider whether they see our calls."}'

    def prepare(self, params: ManualParameters, ctx: Context, seen: Seen) -> Finished | Failed | Waiting:
        for answer in ctx.answers:
            said = f": {answer.note}" if answer.note else ""
            if answer.decision == "Reject":
                return Failed(f"{answer.by} answered that it cannot be done{said}", final=True)
            if answer.decision == "Done":
                return Finished(f"done by {answer.by}{said}", {"by": answer.by, "note": shorten(answer.note, 256)})
        return Waiting(shorten(params.instructions, 700), person="Done")
