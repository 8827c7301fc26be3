"""What the answer to a request means for the step that sent it."""

import contextlib
import json
from collections.abc import Collection
from typing import Any

from paramedic.actions.contract import Failed, Finished, Unknown
from paramedic.actions.effects import Send
from paramedic.actions.reads import HttpAnswer
from paramedic.model.text import listing, shorten

#: How much of an answer is read, and how much of that is kept in the outputs.
READ_LIMIT = 65_536  # bytes
_TEXT_KEPT = 1_024  # characters
_JSON_KEPT = 2_048  # characters
#: Client errors that may be over in a moment. The others would only be repeated.
_PASSING = frozenset({408, 409, 421, 423, 425, 429})


def outputs_of(answer: HttpAnswer) -> dict[str, Any]:
    """What later steps can use of an answer: status, milliseconds, the start of its body, and its JSON where small."""
    text = answer.body.decode("utf-8", errors="replace")
    found: dict[str, Any] = {"status": answer.status, "milliseconds": round(answer.seconds * 1000)}
    if text:
        found["body"] = shorten(text, _TEXT_KEPT)
    if text and len(text) <= _JSON_KEPT:
        with contextlib.suppress(ValueError, RecursionError):
            found["json"] = json.loads(text, parse_constant=str)
    return found


def judge(effect: Send, expected: Collection[int], answer: HttpAnswer) -> Finished | Failed | Unknown:
    """A failure that was answered, or that nothing was sent of, may be tried again: under a key of its own."""
    if not answer.status:
        if answer.arrived:
            return Unknown(f"{effect.request_line}: {answer.error}; whether it was received is not known")
        return Failed(f"{effect.request_line} was not sent: {answer.error}", untouched=True)
    outputs = outputs_of(answer)
    if answer.status in expected:
        text = f"{effect.request_line} answered {answer.status} in {outputs['milliseconds']} ms"
        return Finished(text, outputs)
    wanted = listing([str(code) for code in sorted(expected)])
    text = f"{effect.request_line} answered {answer.status}, expected {wanted}"
    if 300 <= answer.status < 400:
        text += "; redirects are not followed: write the address that it leads to"
    elif body := " ".join(str(outputs.get("body", "")).split()):
        text += f": {shorten(body, 200)}"
    refused = 300 <= answer.status < 500 and answer.status not in _PASSING
    return Failed(text, outputs, final=refused, untouched=True)
