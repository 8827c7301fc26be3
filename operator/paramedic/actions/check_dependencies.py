"""`checkDependencies`: which of the things that the target needs do not answer?"""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters
from paramedic.actions.http_check import HttpCheck, HttpCheckParameters
from paramedic.actions.reads import Missing, Read, Seen
from paramedic.actions.tcp_check import TcpCheck, TcpCheckParameters
from paramedic.model.text import shorten

_HTTP, _TCP = HttpCheck(), TcpCheck()


class Dependency(Parameters):
    """One thing that must answer: a name, and exactly one of httpCheck and tcpCheck."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="What it is called in the message and the outputs, such as database."
    )
    http_check: HttpCheckParameters | None = Field(None, description="As the action httpCheck.")
    tcp_check: TcpCheckParameters | None = Field(None, description="As the action tcpCheck.")

    @model_validator(mode="after")
    def _one_check(self) -> Self:
        if (self.http_check is None) == (self.tcp_check is None):
            raise ValueError(f"dependency {self.name} needs exactly one of httpCheck and tcpCheck")
        return self

    def look(self, ctx: Context, seen: Seen) -> Finished | Failed:
        if self.http_check is not None:
            return _HTTP.prepare(self.http_check, ctx, seen)
        if self.tcp_check is not None:
            return _TCP.prepare(self.tcp_check, ctx, seen)
        raise ValueError(f"dependency {self.name} has no check")


class CheckDependenciesParameters(Parameters):
    """Asks several endpoints side by side. Succeeds when all answer as they should; fails otherwise, and says which do
    not and why. Outputs: failed and healthy (names of dependencies, in their order).
    """

    dependencies: list[Dependency] = Field(
        min_length=1, max_length=16, description="What the target needs; each with a name of its own."
    )

    @field_validator("dependencies")
    @classmethod
    def _own_names(cls, found: list[Dependency]) -> list[Dependency]:
        names = [item.name for item in found]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two dependencies are called {twice}; give each a name of its own")
        return found


class CheckDependencies(Action[CheckDependenciesParameters]):
    name = "checkDependencies"
    phase = "Assess"
    check = True
    parameters = CheckDependenciesParameters
    timeout = timedelta(minutes=1)
    example = (
        "checkDependencies: {dependencies: [{name: database, tcpCheck: {host: db.shop, port: 5432}},"
        ' {name: payments, httpCheck: {url: "http://payments.shop:8080/healthz"}}]}'
    )

    def prepare(self, params: CheckDependenciesParameters, ctx: Context, seen: Seen) -> Finished | Failed:
        verdicts = _side_by_side(params.dependencies, ctx, seen)
        failed = {name: verdict.message for name, verdict in verdicts.items() if isinstance(verdict, Failed)}
        outputs = {"failed": list(failed), "healthy": [name for name in verdicts if name not in failed]}
        if not failed:
            return Finished(f"{_counted(len(verdicts))} as expected: {', '.join(verdicts)}", outputs)
        told = "; ".join(f"{name}: {shorten(message, 300)}" for name, message in failed.items())
        return Failed(f"{len(failed)} of {_counted(len(verdicts), 'not')} as expected: {told}", outputs)


def _side_by_side(dependencies: list[Dependency], ctx: Context, seen: Seen) -> dict[str, Finished | Failed]:
    """The verdict on each. Raises Missing with the questions of all at once, so that no one waits for another."""
    verdicts: dict[str, Finished | Failed] = {}
    wanted: list[Read] = []
    for item in dependencies:
        try:
            verdicts[item.name] = item.look(ctx, seen)
        except Missing as missing:
            wanted += missing.reads
    if wanted:
        raise Missing(tuple(dict.fromkeys(wanted)))
    return verdicts


def _counted(count: int, no: str = "") -> str:
    noun = f"{count} dependency" if count == 1 else f"{count} dependencies"
    return f"{noun} {'did not answer' if no else 'answered'}"
