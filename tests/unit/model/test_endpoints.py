"""Where the operator may send: scheme, host, port and path segments, without any room for tricks."""

import pytest

from paramedic.model.endpoints import BadUrl, Endpoint, refusal, shown

ALLOWED = tuple(Endpoint.prefix(item) for item in ("https://api.example.com/v1", "http://idp.shop:8080"))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "https://api.example.com/v1/",
        "https://api.example.com/v1/users/alice?force=true",
        "https://api.example.com:443/v1/users",
        "HTTPS://API.Example.COM/v1/users",
        "http://idp.shop:8080/lock%20me",
        "http://idp.shop:8080?x=../..",
    ],
)
def test_what_begins_with_an_allowed_prefix_may_be_sent_to(url: str) -> None:
    assert refusal(url, ALLOWED) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1/users",
        "https://api.example.com/v10/users",
        "https://api.example.com/V1/users",
        "https://api.example.com/",
        "https://api.example.com:8443/v1/users",
        "https://api.example.com.evil.com/v1/users",
        "https://example.com/v1/users",
        "http://idp.shop/lock",
        "http://169.254.169.254/latest",
    ],
)
def test_what_begins_with_no_allowed_prefix_may_not(url: str) -> None:
    assert "the operator may not send to" in refusal(url, ALLOWED)
    assert "--http-allow http" in refusal(url, ALLOWED)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://api.example.com/v1/../admin", "path segment . or .."),
        ("https://api.example.com/v1/%2e%2E/admin", "path segment . or .."),
        ("https://api.example.com/v1/..;/admin", "path segment . or .."),
        ("https://api.example.com/v1/./users", "path segment . or .."),
        ("https://api.example.com/v1/..%2fadmin", "encoded slash"),
        ("https://api.example.com/v1/%5c..%5cadmin", "encoded slash, backslash"),
        ("https://api.example.com/v1/%252e%252e/admin", "percent sign"),
        ("https://api.example.com/v1/a%00b", "control character"),
        ("https://api.example.com/v1//admin", "empty path segment"),
        ("https://api.example.com//", "empty path segment"),
        ("https://api.example.com/v1\\..\\admin", "percent-encode it"),
        ("https://api.example.com/v1/a b", "percent-encode it"),
        ("https://api.example.com/v1/a\nb", "percent-encode it"),
        ("https://api.example.com/v1/100%", "percent-encode it"),
        ("https://api.example.com@evil.com/v1", "user name or password"),
        ("https://me:secret@api.example.com/v1", "user name or password"),
        ("https://api.example.com/v1#x", "fragment"),
        ("https://api.exämple.com/v1", "punycode"),
        ("https://аpi.example.com/v1", "punycode"),  # a Cyrillic letter
        ("https:///v1", "name a host"),
        ("https://api..example.com/v1", "name a host"),
        ("https://api.example.com./v1", "name a host"),
        ("https://api.example.com:0/v1", "name a host"),
        ("https://api.example.com:99999/v1", "cannot be read"),
        ("ftp://api.example.com/v1", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("//api.example.com/v1", "http:// or https://"),
        ("", "percent-encode it"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_for_what_it_is(url: str, says: str) -> None:
    everything = (*ALLOWED, Endpoint.prefix("https://evil.com"))
    assert says in refusal(url, everything)


def test_nothing_is_allowed_where_nothing_was_given() -> None:
    assert refusal("https://api.example.com/v1/lock", ()) == (
        "the operator may not send to https://api.example.com/v1/lock; an admin allows it by starting the operator with"
        " --http-allow https://api.example.com/v1/lock, or a shorter prefix of it (PARAMEDIC_HTTP_ALLOW)"
    )


def test_an_address_of_ipv6_keeps_its_brackets() -> None:
    allowed = [Endpoint.prefix("http://[::1]:8080/hook")]
    assert refusal("http://[::1]:8080/hook/x", allowed) == ""
    assert refusal("http://[::2]:8080/hook/x", allowed)


def test_a_prefix_with_a_query_is_no_prefix() -> None:
    with pytest.raises(BadUrl, match="leave it out"):
        Endpoint.prefix("https://api.example.com/v1?key=x")


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert shown("https://me:pw@api.example.com/v1?key=x") == "https://api.example.com/v1"
