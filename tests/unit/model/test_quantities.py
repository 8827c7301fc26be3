"""Quantities are read exactly, as resource.Quantity does."""

from decimal import Decimal

import pytest

from paramedic.model.quantities import parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", "4"),
        ("250m", "0.25"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("1Gi", "1073741824"),
        ("2k", "2000"),
        ("5E", "5000000000000000000"),
        ("2e3", "2000"),
        ("1E-3", "0.001"),
        ("100n", "0.0000001"),
        ("-1", "-1"),
    ],
)
def test_a_quantity_is_read(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1gi", "1e3Mi", "four", "1,5"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity; write one such as 250m or 1Gi"):
        parse_quantity(text)
