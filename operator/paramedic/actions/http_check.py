"""`httpCheck`: does an address answer as it should?"""

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters
from paramedic.actions.reads import HttpAnswer, HttpGet, Seen
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.text import listing

_BODY_LIMIT = 65_536  # bytes, as the description of expectBody says
StatusCode = Annotated[int, Field(ge=100, le=599)]


class HttpCheckParameters(Parameters):
    """Sends one HTTP request from the operator and compares the answer. Redirects are not followed. Succeeds when the
    status is an expected one (and the body contains the expected text); fails otherwise, also when no answer comes.
    Outputs: status (0 without an answer), milliseconds.
    """

    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="Where to ask, such as http://checkout.shop:8080/healthz. Templates ${parameters.NAME} are"
        " substituted."
    )
    method: Literal["GET", "HEAD"] = Field("GET", description="GET or HEAD: a check never changes anything.")
    expect_status: list[StatusCode] = Field(
        default=[200], min_length=1, max_length=20, description="The status codes that count as well."
    )
    expect_body: str | None = Field(
        None, max_length=1024, description="Text that the first 64 KiB of the body must contain; any if left out."
    )
    timeout: Duration = Field("5s", description="How long to wait for the answer, at most 60s.")


class HttpCheck(Action[HttpCheckParameters]):
    name = "httpCheck"
    phase = "Assess"
    check = True
    parameters = HttpCheckParameters
    timeout = timedelta(minutes=1)
    example = 'httpCheck: {url: "${parameters.healthURL}", expectStatus: [200, 204]}'

    def prepare(self, params: HttpCheckParameters, ctx: Context, seen: Seen) -> Finished | Failed:
        if refusal := url_refusal(params.url):
            return Failed(refusal, final=True)
        seconds = min(60.0, max(0.1, parse_duration(params.timeout).total_seconds()))
        wanted = _BODY_LIMIT if params.expect_body is not None else 0
        answer = seen.http(HttpGet(params.url, params.method, seconds, wanted))
        outputs = {"status": answer.status, "milliseconds": round(answer.seconds * 1000)}
        complaint = _complaint(params, answer)
        where = f"{params.method} {without_credentials(params.url)}"
        if complaint:
            return Failed(f"{where} {complaint}", outputs)
        return Finished(f"{where} answered {answer.status} in {outputs['milliseconds']} ms", outputs)


def _complaint(params: HttpCheckParameters, answer: HttpAnswer) -> str:
    if not answer.status:
        return f"got no answer: {answer.error}"
    if answer.status not in params.expect_status:
        expected = listing([str(code) for code in params.expect_status])
        return f"answered {answer.status}, expected {expected}"
    if params.expect_body is not None and params.expect_body.encode() not in answer.body:
        return f"answered {answer.status}, but without the text {params.expect_body!r}"
    return ""


def url_refusal(url: str) -> str:
    """What is wrong with a URL, and what to write instead; empty if nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f"url {url!r} cannot be read ({error}); write one such as http://checkout.shop:8080/healthz"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"url {url!r} must begin with http:// or https:// and name a host, as http://checkout.shop:8080/healthz"
    if parts.username or parts.password:
        return "url holds a user name or password, which would be stored in plain text; leave them out"
    return ""


def without_credentials(url: str) -> str:
    """A URL to be shown: its query may hold a key, so it is left out."""
    return url.partition("?")[0]
