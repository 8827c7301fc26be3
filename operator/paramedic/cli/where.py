"""Which cluster, namespace and user a command works with, as kubectl's flags say; and what goes wrong on the way there."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.completing import complete_contexts, complete_namespaces
from paramedic.cluster.caller import Caller
from paramedic.cluster.following import Gone
from paramedic.cluster.refusals import explain_to_caller
from paramedic.cluster.rest import NoCluster, RestTransport, connect, namespace_of_context
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, ObjectRef, Resource

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """Which cluster, whose rights, which namespace; ``namespace`` is empty for all of them."""

    kubeconfig: str | None
    context: str | None
    namespace: str
    user: str = ""

    @property
    def flags(self) -> str:
        """The flags that lead here again, to be put behind a command that is shown."""
        given = {"--context": self.context, "--kubeconfig": self.kubeconfig, "--as": self.user}
        named = [f"-n {shlex.quote(self.namespace)}"] if self.namespace else []
        return " ".join([*named, *(f"{flag} {shlex.quote(value)}" for flag, value in given.items() if value)])

    def incident(self, name: str) -> ObjectRef:
        return ObjectRef.to(INCIDENT, self.namespace, name)

    def run(self, work: Callable[[Caller], Awaitable[T]]) -> T:
        """Does the work with a connection. What goes wrong is told as kubectl would, with exit code 1."""
        try:
            return asyncio.run(self._run(work))
        except (NoCluster, Unavailable) as error:
            raise click.ClickException(str(error)) from None
        except ApiError as error:
            raise click.ClickException(explain_to_caller(error)) from None
        except Gone:
            raise click.ClickException("it was deleted meanwhile") from None

    async def _run(self, work: Callable[[Caller], Awaitable[T]]) -> T:
        transport = RestTransport(await connect(self.kubeconfig, self.context), user=self.user)
        try:
            return await work(Caller(transport))
        finally:
            await transport.close()

    async def find(self, caller: Caller, resource: Resource, name: str) -> Object:
        """An object that must be there. Raises click.ClickException with how to find others."""
        ref = ObjectRef.to(resource, self.namespace, name)
        found = await caller.get(ref)
        if found is None:
            how = f"kubectl get {resource.plural} -A"
            if resource == INCIDENT:
                how = "kubectl incident list -A"
            raise click.ClickException(f"there is no {ref} in namespace {self.namespace}; list them: {how}")
        return found

    async def find_incident(self, caller: Caller, name: str) -> Incident:
        return Incident.model_validate(await self.find(caller, INCIDENT, name))


def where_options(*, everywhere: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """kubectl's flags for cluster, user and namespace, handed to the command as `where`; with -A where it lists."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def wrapped(
            kubeconfig: str | None, context: str | None, namespace: str | None, as_user: str | None, **given: Any
        ) -> None:
            chosen = namespace or namespace_of_context(kubeconfig, context)
            if given.pop("all_namespaces", False):
                chosen = ""
            command(where=Where(kubeconfig, context, chosen, as_user or ""), **given)

        wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
        own = getattr(command, "__click_params__", [])
        wrapped.__click_params__ = [*_options(everywhere), *own]  # type: ignore[attr-defined]
        return wrapped

    return decorate


def _options(everywhere: bool) -> list[click.Parameter]:
    """In the order in which click keeps them: the last one is shown first."""
    found: list[click.Parameter] = [
        click.Option(["--as", "as_user"], metavar="USER", help="Act as this user, where you may impersonate them."),
        click.Option(["--kubeconfig"], metavar="FILE", help="Which kubeconfig; else kubectl's."),
        click.Option(
            ["--context"], metavar="NAME", help="Which context of it; else the current one.",
            shell_complete=complete_contexts,
        ),
        click.Option(
            ["-n", "--namespace"], metavar="NS", help="Which namespace; else the context's.",
            shell_complete=complete_namespaces,
        ),
    ]  # fmt: skip
    if everywhere:
        found.append(click.Option(["-A", "--all-namespaces"], is_flag=True, help="All namespaces."))
    return found
