"""Text of others: what a service is given shows it literally."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from paramedic.notify.literal import clean, escape_markdown, fit, one_line, without_mentions

MARKDOWN = MarkdownIt("commonmark")
#: Mostly what means something to Markdown.
SOURCE = st.text(st.sampled_from("ab1 .)(-+*_`~#>|<!&;=[]\\/:@\n"), max_size=40)


def shown(markdown: str) -> str:
    """What a reader sees, and any markup that was made of it."""
    rendered = MARKDOWN.render(markdown).replace("<p>", "").replace("</p>", "")
    assert "<" not in rendered.replace("&lt;", "")
    return html.unescape(rendered)


@given(SOURCE)
def test_escaped_text_is_shown_as_it_was_written(text: str) -> None:
    # Markdown drops spaces at the ends of lines, and an indented line is code, shown as it is.
    lines = "\n".join(line.strip() for line in text.split("\n"))
    assert shown(escape_markdown(lines)).split() == lines.split()


@pytest.mark.parametrize(
    "text", ["*b*", "# head", "1. one", "- item", "`code`", "[l](http://e.example)", "a\n===", "&lt;b&gt;"]
)
def test_markup_is_not_rendered(text: str) -> None:
    assert shown(escape_markdown(text)).strip() == text


def test_a_link_can_still_be_followed() -> None:
    assert escape_markdown("see https://ci.example/a_b?c=d_e *now*") == r"see https://ci.example/a_b?c=d_e \*now\*"


@pytest.mark.parametrize(
    "text",
    [
        "@here",
        "@everyone",
        "@channel",
        "<!channel>",
        "<@U123>",
        "<@&99>",
        "<#C1>",
        "<users/all>",
        "<at>x</at>",
        "x@everyone",
        "(@team)",
        "@**all**",
    ],
)
def test_nobody_is_mentioned(text: str) -> None:
    defused = without_mentions(text)
    assert defused != text
    assert defused.replace("\u200b", "") == text
    assert not any(
        call in defused
        for call in ("@here", "@everyone", "@channel", "@all", "<!", "<@", "<#", "<users/", "<at>", "@team", "@**")
    )


@pytest.mark.parametrize(
    "text", ["ops@example.com", "shop/app@sha256:0a1b", "a < b", "<none>", "user@example.com, a@b"]
)
def test_what_mentions_nobody_stays_as_it_is(text: str) -> None:
    assert without_mentions(text) == text


def test_characters_that_are_not_seen_but_do_something_are_left_out() -> None:
    assert clean("a\x1b[31mred\x00 \u202eevil\u2066\r\nb\tc") == "a[31mred evil\nb\tc"


def test_a_title_is_one_line() -> None:
    assert one_line("  Subject\r\nBcc: evil@example.com\n ") == "Subject Bcc: evil@example.com"


def test_text_that_is_too_long_ends_in_an_ellipsis() -> None:
    assert fit("one two three", 8, str) == "one two…"


def test_text_that_fits_is_whole() -> None:
    assert fit("one two", 7, str) == "one two"


@given(SOURCE, st.integers(1, 30))
def test_text_fits_in_the_form_in_which_it_is_sent(text: str, limit: int) -> None:
    assert len(escape_markdown(fit(text, limit, escape_markdown))) <= limit
