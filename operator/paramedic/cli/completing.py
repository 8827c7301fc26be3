"""What the shell offers when TAB is pressed. Where the cluster does not answer, it offers nothing and says nothing."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from paramedic.model.objects import Object, dig

if TYPE_CHECKING:
    from paramedic.cli.where import Where
    from paramedic.cluster.caller import Caller

Offer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
_PATIENCE = 3.0  # seconds


def complete_incidents(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from paramedic.model.references import INCIDENT

    return _names(ctx, incomplete, INCIDENT, lambda item: dig(item, "spec", "summary", default=""))


def complete_playbooks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from paramedic.model.references import PLAYBOOK

    return _names(ctx, incomplete, PLAYBOOK, lambda item: dig(item, "spec", "description", default=""))


def complete_steps(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The steps of the incident that is named before."""

    async def ask(where: "Where", caller: "Caller") -> list[Object]:
        found = await caller.get(where.incident(ctx.params["name"]))
        steps: list[Object] = dig(found, "status", "steps", default=[])
        return steps

    return _matching(((item["name"], item["state"]) for item in _ask(ctx, ask)), incomplete)


def complete_targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Kinds, then the objects of the kind that is written."""
    from paramedic.cli.targets import KINDS, resource_of_word

    word, slash, _ = incomplete.partition("/")
    if not slash:
        return _matching(((f"{kind.lower()}/", "") for kind in KINDS), incomplete)
    resource = resource_of_word(word)
    if resource is None:
        return []

    async def ask(where: "Where", caller: "Caller") -> list[Object]:
        return await caller.select(resource, where.namespace)

    return _matching(((f"{word}/{item['metadata']['name']}", "") for item in _ask(ctx, ask)), incomplete)


def complete_namespaces(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from paramedic.model.references import NAMESPACE

    return _names(ctx, incomplete, NAMESPACE, lambda item: "", everywhere=True)


def complete_contexts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from paramedic.cluster.rest import contexts_of

    return _matching(((name, "") for name in contexts_of(ctx.params.get("kubeconfig"))), incomplete)


def _names(
    ctx: click.Context, incomplete: str, resource: Any, describe: Callable[[Object], str], *, everywhere: bool = False
) -> list[CompletionItem]:
    async def ask(where: "Where", caller: "Caller") -> list[Object]:
        return await caller.select(resource, "" if everywhere else where.namespace)

    return _matching(((item["metadata"]["name"], describe(item)) for item in _ask(ctx, ask)), incomplete)


def _matching(found: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=text or None) for name, text in found if name.startswith(incomplete)]


def _ask(ctx: click.Context, question: Callable[["Where", "Caller"], Any]) -> list[Object]:
    import asyncio

    from paramedic.cli.where import Where
    from paramedic.cluster.rest import namespace_of_context

    given = ctx.params
    kubeconfig, context = given.get("kubeconfig"), given.get("context")
    namespace = given.get("namespace") or namespace_of_context(kubeconfig, context)
    where = Where(kubeconfig, context, namespace, given.get("as_user") or "")

    async def within(caller: "Caller") -> list[Object]:
        found: list[Object] = await asyncio.wait_for(question(where, caller), _PATIENCE)
        return found

    try:
        return where.run(within)
    except (click.ClickException, TimeoutError, KeyError):
        return []
