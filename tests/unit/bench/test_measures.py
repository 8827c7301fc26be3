"""Figures from samples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measures import curve, median, percentile


def test_percentiles_are_samples_that_were_measured() -> None:
    samples = [float(item) for item in range(1, 201)]
    assert percentile(samples, 50) == 100
    assert percentile(samples, 99) == 198
    assert percentile(samples, 100) == 200
    assert median([3.0, 1.0, 2.0]) == 2.0


def test_one_sample_is_every_percentile() -> None:
    assert {percentile([7.0], percent) for percent in (0, 1, 50, 99, 100)} == {7.0}


def test_no_samples_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 50)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_at_least_its_share_of_the_samples_is_not_above_a_percentile(samples: list[float], percent: float) -> None:
    found = percentile(samples, percent)
    assert found in samples
    assert sum(item <= found for item in samples) >= len(samples) * percent / 100 - 1e-6


def test_a_curve_counts_up_and_holds_the_first_and_the_last() -> None:
    found = curve([item / 10 for item in range(500, 0, -1)], points=20)
    assert found[0] == (0.1, 1)
    assert found[-1] == (50.0, 500)
    assert len(found) <= 22
    assert found == sorted(found)


def test_nothing_that_happened_has_an_empty_curve() -> None:
    assert curve([]) == []
