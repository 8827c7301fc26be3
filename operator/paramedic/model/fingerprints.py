"""Telling values apart without knowing them."""

import hashlib
from collections.abc import Mapping

from paramedic.model.names import canonical


def fingerprint(salt: str, values: Mapping[str, str]) -> str:
    """A digest of these values. Only for random ones, too long to be guessed: a digest of a password would give it away."""
    return hashlib.sha256(canonical([salt, dict(values)]).encode()).hexdigest()
