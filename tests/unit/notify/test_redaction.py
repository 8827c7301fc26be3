"""What is said of a channel holds nothing that its URL keeps secret."""

from hypothesis import given
from hypothesis import strategies as st

from paramedic.notify.redaction import quoted

URL = "slack://T00000000/B00000000/s3cr3t%2Ftoken?x=hidden"


def test_parts_of_the_url_are_left_out() -> None:
    said = quoted("no route for /services/T00000000/B00000000?x=hidden, s3cr3t", URL)
    assert said == "no route for /services/…/…?x=…, …"


def test_encoded_parts_are_left_out_too() -> None:
    assert "s3cr3t" not in quoted("bad token s3cr3t%2Ftoken or s3cr3t/token", URL)


def test_it_is_one_bounded_line() -> None:
    text = quoted("one\r\ntwo\x1b[31m\n" + "x" * 10_000, "json://h.example/")
    assert "\n" not in text and "\x1b" not in text and len(text) <= 160


@given(st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=4, max_size=40), st.text(max_size=60))
def test_a_token_never_comes_back(token: str, around: str) -> None:
    assert token not in quoted(f"{around}{token}{around}", f"jsons://user:{token}@host.example/")
