"""`kubectl incident` at work on a Ward: the commands as people type them, the cluster in memory."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from component.builders import NAMESPACE, Ward
from paramedic.cli import where
from paramedic.cli.incident import main
from paramedic.cluster.transport import ApiError, Request
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, SELF_REVIEW, SUBJECT_REVIEW

PERSON = "alice"
#: What the CRD's schema fills in.
_DEFAULTS: Object = {"approvals": [], "notes": [], "undo": []}


class Person:
    """A transport with one person's rights, and what a real API server does beyond FakeCluster."""

    def __init__(self, ward: Ward) -> None:
        self.ward = ward
        self.name = PERSON
        self.may_ask_about_others = True
        self.conflicts = 0

    async def send(self, request: Request) -> Any:
        if request.path == SELF_REVIEW.path(None):
            return {"status": {"userInfo": {"username": self.name}}}
        if request.path == SUBJECT_REVIEW.path(None):
            return self._review(request.body["spec"])
        if request.method == "PATCH" and self.conflicts:
            self.conflicts -= 1
            raise ApiError(409, "Conflict", "the object has been modified")
        if request.method == "POST" and request.path == INCIDENT.path(NAMESPACE):
            request = replace(request, body=request.body | {"spec": _DEFAULTS | request.body["spec"]})
        return await self.ward.cluster.send(replace(request, account=request.account or self.name))

    def _review(self, spec: Object) -> Object:
        if not self.may_ask_about_others:
            raise ApiError(403, "Forbidden", "no")
        asked = spec["resourceAttributes"]
        names = (asked.get(key, "") for key in ("verb", "resource", "group", "subresource"))
        return {"status": {"allowed": self.ward.cluster.rules.allows(spec["user"], *names)}}

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        raise ApiError(403, "Forbidden", "no watch here")
        yield

    async def close(self) -> None:
        """There is nothing to close."""


class Terminal:
    """Runs commands; ``ward`` is what they work on, ``person`` who types them."""

    def __init__(self, ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ward, self.person = ward, Person(ward)

        async def connect(kubeconfig: str | None, context: str | None = None) -> None:
            """There is no kubeconfig."""

        monkeypatch.setattr(where, "connect", connect)
        monkeypatch.setattr(where, "RestTransport", lambda configuration, user="": self._as(user))
        monkeypatch.setattr(where, "namespace_of_context", lambda kubeconfig, context: NAMESPACE)

    def _as(self, user: str) -> Person:
        self.person.name = user or self.person.name
        return self.person

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=stdin)

    def says(self, *arguments: str, stdin: str | None = None) -> str:
        """What a command that succeeds prints."""
        done = self.run(*arguments, stdin=stdin)
        assert done.exit_code == 0, done.output
        assert done.stderr == ""
        return done.stdout

    def refuses(self, *arguments: str, code: int = 1, stdin: str | None = None) -> str:
        """What a command that fails says on standard error."""
        done = self.run(*arguments, stdin=stdin)
        assert done.exit_code == code, (done.exit_code, done.output, done.exception)
        return done.stderr.splitlines()[-1].removeprefix("Error: ")

    def json(self, *arguments: str) -> Any:
        return json.loads(self.says(*arguments, "-o", "json"))

    def spec(self, name: str = "one") -> Object:
        found: Object = self.ward.get(INCIDENT, name)["spec"]
        return found
