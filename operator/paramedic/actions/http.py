"""`http`: sends one request to an endpoint that an admin allowed."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import Field

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Intent,
    Observation,
    OnUnknown,
    Parameters,
    Pending,
    Preparation,
    Unknown,
)
from paramedic.actions.effects import Send
from paramedic.actions.reads import Seen
from paramedic.actions.requests.answers import judge
from paramedic.actions.requests.request import (
    BODY_TEXT,
    Body,
    Headers,
    Method,
    SecretHeaders,
    StatusCode,
    UrlText,
    identity_of,
    in_words,
    secret_permissions,
    send,
)
from paramedic.model.durations import Duration
from paramedic.model.permissions import Permission


class HttpParameters(Parameters):
    """Sends one HTTP request from the operator to an endpoint that an admin allowed (`paramedic run --http-allow
    URL_PREFIX`), and fails unless the answer has an expected status. It is sent at most once: with the operation ID as
    its Idempotency-Key, and after a crash or a lost answer, when nobody can know whether it was received, a person is
    asked, unless the step's `onUnknown` says otherwise (a GET, which changes nothing, is sent again). A step that is
    retried after an answer sends a new request. Redirects are not followed. Outputs: status, milliseconds, body (its
    start), json (the body, where it is JSON of at most 2 KiB).
    """

    url: UrlText = Field(
        description="Where to, such as https://api.example.com/v1/users/lock. Templates are substituted, and the whole"
        " is then checked."
    )
    method: Method = Field("POST", description="POST, PUT, PATCH, DELETE or GET.")
    body: Body = Field(None, description=BODY_TEXT)
    headers: Headers = Field(
        default_factory=dict, description="Headers, by name. Templates are substituted in their values."
    )
    secret_headers: SecretHeaders = Field(
        default_factory=list, description="Headers whose values are secrets. They are stored and shown nowhere."
    )
    expect_status: list[StatusCode] = Field(
        default=[200, 201, 202, 204], min_length=1, max_length=20, description="The status codes that count as done."
    )
    timeout: Duration = Field("10s", description="How long to wait for the answer, at most 60s.")

    def effect(self, key: str) -> Send:
        return send(self.method, self.url, key, self.body, self.headers, self.secret_headers, self.timeout)


class Http(Action[HttpParameters]):
    name = "http"
    phase = "Remediate"
    parameters = HttpParameters
    remedy = True
    timeout = timedelta(minutes=5)
    example = 'http: {url: "https://flags.example.com/v1/checkout", method: PUT, body: {enabled: false}}'

    def permissions(self, params: HttpParameters, kind: str) -> frozenset[Permission]:
        return frozenset(secret_permissions(params.secret_headers))

    def endpoints(self, params: HttpParameters) -> Mapping[str, str]:
        return {"url": params.url}

    def on_unknown(self, params: HttpParameters) -> OnUnknown:
        return "Retry" if params.method == "GET" else "Ask"

    def prepare(self, params: HttpParameters, ctx: Context, seen: Seen) -> Preparation:
        if refusal := seen.may_send(params.url):
            return Failed(refusal, final=True)
        effect = params.effect(ctx.operation_id)
        record = {"operation": ctx.operation_id, "request": effect.request_line}
        return Intent(record, f"sending {in_words(effect)}", ctx.target, change=identity_of(effect))

    def observe(self, params: HttpParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        """A request leaves nothing to look for: it is sent right after its intent was written, or it is not known."""
        effect = params.effect(str(record["operation"]))
        if not ctx.fresh:
            return Unknown(f"{effect.request_line} may or may not have been sent when the operator was interrupted")
        return Pending((effect,), read=partial(judge, effect, frozenset(params.expect_status)))
