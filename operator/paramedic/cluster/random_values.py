"""Where new secrets are made: at the moment they are written, from the operating system's randomness, and kept nowhere."""

import base64
import secrets

from paramedic.actions.effects import FillRandom, MergePatch
from paramedic.model.fingerprints import fingerprint
from paramedic.model.names import OPERATION_ANNOTATION


def filled(effect: FillRandom) -> MergePatch:
    """The write that an effect stands for, each time with other values."""
    data = {key: _encode(_random_text(effect.alphabet, effect.length)) for key in effect.keys}
    annotations = {OPERATION_ANNOTATION: effect.operation, effect.mark: fingerprint(effect.operation, data)}
    return MergePatch(effect.ref, effect.resource_version, {"metadata": {"annotations": annotations}, "data": data})


def _random_text(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
