"""Figures from samples."""

from collections.abc import Sequence


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that is at least as large as this share of all (nearest rank). Raises ValueError without any."""
    if not samples:
        raise ValueError("there are no samples to take a percentile of")
    ordered = sorted(samples)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def median(samples: Sequence[float]) -> float:
    return percentile(samples, 50)


def curve(moments: Sequence[float], points: int = 100) -> list[tuple[float, int]]:
    """How many had happened by when, in at most about this many points; the first and the last are among them."""
    ordered = sorted(moments)
    step = max(1, len(ordered) // points)
    kept = sorted({*range(0, len(ordered), step), len(ordered) - 1}) if ordered else []
    return [(round(ordered[at], 3), at + 1) for at in kept]
