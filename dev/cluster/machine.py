"""This machine, in the words that images and nodes use."""

from __future__ import annotations

import platform

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def architecture() -> str:
    """Go's name of the processor, for example amd64."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())
