"""`lockAccount`: takes an account its rights, for a time."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from paramedic.actions.accounts.bindings import Account
from paramedic.actions.accounts.identity_provider import ProviderParameters, locked, unlocked
from paramedic.actions.accounts.locking import find_lock, observe_lock, undo_lock
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
from paramedic.actions.holds import hold_on
from paramedic.actions.reads import Seen
from paramedic.actions.requests.request import identity_of, in_words, secret_permissions
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.permissions import Permission
from paramedic.model.references import CLUSTER_ROLE_BINDING, POD, ROLE_BINDING, SERVICE_ACCOUNT
from paramedic.model.times import format_time

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_RBAC_VERBS = ("get", "list", "patch")


class LockAccountParameters(Parameters):
    """Locks one account until `ttl` is over, even when the incident is deleted: a ServiceAccount of the namespace, a user of
    the cluster, or an account at an identity provider. In the cluster it is taken out of every RoleBinding of the
    namespace that names it, and put back beside whoever was added meanwhile; a binding that was changed by others is left
    alone, and said so. Its tokens stay valid, but give no more rights than what the outputs name as still allowed; running
    Pods keep theirs. Refused for the accounts of the cluster, of paramedic, of the playbook, and of people who respond to
    the incident; and where the playbook's account could not put a binding back. A person is asked where Pods of others
    than the target run as it. Can be undone. Outputs: account, bindings, stillAllowedBy, until.
    """

    service_account: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Field(
        None, description="A ServiceAccount of the incident's namespace. Templates are substituted."
    )
    user: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Field(
        None, description="A user, by the name that the API server knows. Templates are substituted."
    )
    provider: ProviderParameters | None = Field(None, description="An account at an identity provider.")
    cluster_wide: bool = Field(
        False,
        description="Take it out of ClusterRoleBindings too. Grant the playbook's account get, list and patch of"
        " clusterrolebindings with a ClusterRoleBinding for that.",
    )
    ttl: Duration = Field("1h", description="When the lock ends by itself, counted from its start.")

    @field_validator("service_account")
    @classmethod
    def _is_a_name(cls, text: str | None) -> str | None:
        if text is not None and "${" not in text and not _NAME.fullmatch(text):
            raise ValueError(f"{text!r} is no name of a ServiceAccount; write one such as shop-responder")
        return text

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        given = [name for name in ("serviceAccount", "user", "provider") if getattr(self, _FIELDS[name]) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"it names {found}; name exactly one of serviceAccount, user and provider")
        return self


_FIELDS = {"serviceAccount": "service_account", "user": "user", "provider": "provider"}


class LockAccount(Action[LockAccountParameters]):
    name = "lockAccount"
    phase = "Contain"
    parameters = LockAccountParameters
    remedy = True
    can_undo = True
    timeout = timedelta(minutes=5)
    example = "lockAccount: {serviceAccount: checkout, ttl: 1h}"

    def permissions(self, params: LockAccountParameters, kind: str) -> frozenset[Permission]:
        if params.provider is not None:
            return frozenset(secret_permissions(params.provider.secret_headers))
        found = {Permission.to(verb, ROLE_BINDING) for verb in _RBAC_VERBS}
        if params.service_account is not None:
            found |= {Permission.to("get", SERVICE_ACCOUNT), Permission.to("list", POD)}
        if params.cluster_wide:
            found |= {Permission.to(verb, CLUSTER_ROLE_BINDING) for verb in _RBAC_VERBS}
        return frozenset(found)

    def endpoints(self, params: LockAccountParameters) -> Mapping[str, str]:
        if params.provider is None:
            return {}
        return {"provider.lock.url": params.provider.lock.url, "provider.unlock.url": params.provider.unlock.url}

    def on_unknown(self, params: LockAccountParameters) -> OnUnknown | None:
        return "Ask" if params.provider is not None else None

    def prepare(self, params: LockAccountParameters, ctx: Context, seen: Seen) -> Preparation:
        until = ctx.now + parse_duration(params.ttl)
        if params.provider is None:
            return find_lock(_account(params, ctx), params.cluster_wide, until, ctx, seen)
        return _prepare_provider(params.provider, ctx, seen, until)

    def observe(
        self, params: LockAccountParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Observation:
        hold = hold_on(self.name, params, ctx, record)
        if params.provider is None:
            return observe_lock(hold, ctx, record, seen)
        effect = params.provider.locking(str(record["operation"]))
        if not ctx.fresh:
            return Unknown(f"{effect.request_line} may or may not have been sent when the operator was interrupted")
        return Pending((hold, effect), read=partial(locked, params.provider, record))

    def undo(self, params: LockAccountParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        if params.provider is None:
            return undo_lock(ctx, record, seen)
        effect = params.provider.unlocking(f"{record['operation']}-undo")
        return Pending((effect,), read=partial(unlocked, params.provider))


def _account(params: LockAccountParameters, ctx: Context) -> Account:
    if params.service_account is not None:
        return Account(params.service_account, ctx.namespace)
    return Account(params.user or "")


def _prepare_provider(params: ProviderParameters, ctx: Context, seen: Seen, until: datetime) -> Intent | Failed:
    if params.account in ctx.people:
        return Failed(f"{params.account} responds to this incident, and so is not locked; do it by hand", final=True)
    for url in (params.lock.url, params.unlock.url):
        if refusal := seen.may_send(url):
            return Failed(f"{refusal}. What could not be unlocked is not locked", final=True)
    lock, unlock = params.locking(ctx.operation_id), params.unlocking("")
    record = {"operation": ctx.operation_id, "until": format_time(until), "request": lock.request_line}
    change = {"lock": identity_of(lock), "unlock": identity_of(unlock)}
    text = (
        f"locking {params.account} until {record['until'][:19]}Z: sending {in_words(lock)}; then {unlock.request_line}"
    )
    return Intent(record, text, ctx.target, expires_at=until, change=change)
