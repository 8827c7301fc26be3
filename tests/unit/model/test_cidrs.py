"""Ranges of addresses as people write them."""

import pytest

from paramedic.model.cidrs import format_range, parse_range, parse_ranges, special_use


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:DB8:0:0::/48", "2001:db8::/48"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
    ],
)
def test_an_address_or_a_range_is_read_in_its_one_form(text: str, means: str) -> None:
    assert str(parse_range(text)) == means


@pytest.mark.parametrize("text", ["", "attacker.example", "203.0.113.256", "203.0.113.7/33", "010.0.0.1", "1.2.3", "7"])
def test_what_is_no_address_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write such as 203\.0\.113\.7, 203\.0\.113\.0/24 or 2001:db8::/48"):
        parse_range(text)


def test_an_address_with_a_prefix_may_mean_two_things_and_is_refused() -> None:
    with pytest.raises(ValueError) as refusal:
        parse_range("203.0.113.7/24")
    assert str(refusal.value) == (
        "203.0.113.7/24 has bits beyond its prefix; write 203.0.113.0/24, or 203.0.113.7 for that address alone"
    )


def test_one_text_may_hold_several_with_commas_between() -> None:
    assert [str(item) for item in parse_ranges(["203.0.113.7, 198.51.100.0/24,", "2001:db8::1"])] == [
        "203.0.113.7/32", "198.51.100.0/24", "2001:db8::1/128",
    ]  # fmt: skip


def test_each_range_is_kept_once_and_what_lies_in_another_is_left_out() -> None:
    found = parse_ranges(["203.0.113.7,203.0.113.7/32", "203.0.113.0/24", "::ffff:203.0.113.9"])
    assert [str(item) for item in found] == ["203.0.113.0/24"]


def test_no_text_is_no_range() -> None:
    assert parse_ranges([" , "]) == []


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("127.0.0.1", "loopback"), ("::1", "loopback"), ("169.254.169.254", "link-local"), ("fe80::1", "link-local"),
        ("224.0.0.1", "multicast"), ("ff02::1", "multicast"), ("240.0.0.1", "reserved"),
        ("0.0.0.0", "the address of nobody"), ("203.0.113.7", ""), ("2001:db8::1", ""), ("10.1.2.3", ""),
    ],
)  # fmt: skip
def test_ranges_that_are_no_senders_are_told_apart(text: str, use: str) -> None:
    assert special_use(parse_range(text)) == use


def test_a_single_address_is_shown_without_its_prefix() -> None:
    assert (format_range(parse_range("203.0.113.7")), format_range(parse_range("2001:db8::/48"))) == (
        "203.0.113.7", "2001:db8::/48",
    )  # fmt: skip
