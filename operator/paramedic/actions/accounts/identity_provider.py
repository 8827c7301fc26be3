"""Locking an account at an identity provider: one request that locks it, and one that unlocks it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from paramedic.actions.contract import Failed, Finished, Parameters, Unknown
from paramedic.actions.effects import Send
from paramedic.actions.reads import HttpAnswer
from paramedic.actions.requests.answers import judge
from paramedic.actions.requests.request import (
    BODY_TEXT,
    Body,
    Headers,
    Method,
    SecretHeaders,
    StatusCode,
    UrlText,
    send,
)
from paramedic.model.durations import Duration


class ProviderRequest(Parameters):
    """One request."""

    url: UrlText = Field(description="Where to; an endpoint that an admin allowed (--http-allow).")
    method: Method = Field("POST", description="POST, PUT, PATCH, DELETE or GET.")
    body: Body = Field(None, description=BODY_TEXT)


class ProviderParameters(Parameters):
    """An identity provider that is asked by HTTP, as the action `http` asks."""

    account: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="Who is locked, as people know them. Templates are substituted."
    )
    lock: ProviderRequest = Field(description="The request that locks the account.")
    unlock: ProviderRequest = Field(
        description="The request that unlocks it. It may be sent more than once, until the provider says that it is done."
    )
    headers: Headers = Field(default_factory=dict, description="Headers of both, by name.")
    secret_headers: SecretHeaders = Field(
        default_factory=list, description="Headers of both whose values are secrets. They are stored and shown nowhere."
    )
    expect_status: list[StatusCode] = Field(
        default=[200, 201, 202, 204], min_length=1, max_length=20, description="The status codes that count as done."
    )
    timeout: Duration = Field("10s", description="How long to wait for each answer, at most 60s.")

    def locking(self, key: str) -> Send:
        return self._effect(self.lock, key)

    def unlocking(self, key: str) -> Send:
        return self._effect(self.unlock, key)

    def _effect(self, request: ProviderRequest, key: str) -> Send:
        return send(request.method, request.url, key, request.body, self.headers, self.secret_headers, self.timeout)


def locked(params: ProviderParameters, record: Mapping[str, Any], answer: HttpAnswer) -> Finished | Failed | Unknown:
    verdict = judge(params.locking(""), frozenset(params.expect_status), answer)
    if not isinstance(verdict, Finished):
        return verdict
    text = f"{params.account} is locked until {str(record['until'])[:19]}Z: {verdict.message}"
    return Finished(text, {"account": params.account, "until": record["until"], **verdict.outputs})


def unlocked(params: ProviderParameters, answer: HttpAnswer) -> Finished | Failed | Unknown:
    verdict = judge(params.unlocking(""), frozenset(params.expect_status), answer)
    if not isinstance(verdict, Finished):
        return verdict
    return Finished(f"{params.account} is unlocked: {verdict.message}")
