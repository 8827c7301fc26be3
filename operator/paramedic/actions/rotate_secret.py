"""`rotateSecret`: new random values for keys of a Secret, and Pods that have them."""

import re
import string
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Parameters,
    Pending,
    Preparation,
    Waiting,
)
from paramedic.actions.reads import Seen
from paramedic.actions.secrets import consumer_restarts
from paramedic.actions.secrets import consumers as secret_consumers
from paramedic.actions.secrets.managers import manager_of, release_of
from paramedic.actions.secrets.versions import forget_version, keep_version, kept_ref, put_back, rotate, whose_values
from paramedic.actions.targets import look_permissions, patch_permission
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.names import child_name
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import CLAIM, POD, QUOTA, SECRET, WORKLOADS, ObjectRef
from paramedic.model.text import listing, plural
from paramedic.model.times import format_second, format_time

ALPHABETS = {
    "Alphanumeric": string.ascii_letters + string.digits,
    "Hex": "0123456789abcdef",
    "URLSafe": string.ascii_letters + string.digits + "-_",
}
#: Types whose values can be any text. Those of others, such as a certificate's, mean something to somebody.
_TYPES = ("Opaque", "kubernetes.io/basic-auth")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")


class RotateSecretParameters(Parameters):
    """Puts new random values under keys of a Secret, all in one write, then restarts who uses them, one workload after
    the other, those with the fewest Pods first. Nobody gets to see the values: not in plan, status, log or evidence.
    The values before are kept in a Secret of their own until `ttl`; when a new Pod does not come up they are put back
    and the step fails. Refused for a Secret that somebody else writes (an ExternalSecret, a SealedSecret, GitOps: rotate
    it there), that is immutable or of a type whose values mean something (a certificate, a token), and while CronJobs or
    Pods use it that no restart here reaches. Whoever checks the values must read them from this Secret. Can be undone.
    Outputs: secret, keys, kept, restarted.
    """

    secret: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="The Secret, in the incident's namespace."
    )
    keys: list[Annotated[str, StringConstraints(min_length=1, max_length=253)]] = Field(
        min_length=1, max_length=16, description="Which of its keys get a new value; each must be there."
    )
    length: int = Field(32, ge=16, le=128, description="How many characters each new value has.")
    alphabet: Literal["Alphanumeric", "Hex", "URLSafe"] = Field(
        "Alphanumeric",
        description="What they are made of. Alphanumeric: letters and digits. Hex: 0 to 9 and a to f. URLSafe: letters,"
        " digits, - and _.",
    )
    restart: bool = Field(
        True,
        description="Whether who uses the values is restarted. false: each keeps the old value until it starts anew.",
    )
    ttl: Duration = Field("24h", description="How long the values before are kept, and the step can be undone.")

    @field_validator("secret")
    @classmethod
    def _is_a_name(cls, text: str) -> str:
        if "${" not in text and not _NAME.fullmatch(text):
            raise ValueError(f"{text!r} is no name of a Secret; write one such as db-credentials")
        return text

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, texts: list[str]) -> list[str]:
        for text in texts:
            if "${" not in text and not _KEY.fullmatch(text):
                raise ValueError(f"{text!r} is no key of a Secret; write one such as password")
        if twice := next((text for text in texts if texts.count(text) > 1), None):
            raise ValueError(f"{twice} is named twice; name each key once")
        return texts


class RotateSecret(Action[RotateSecretParameters]):
    name = "rotateSecret"
    phase = "Remediate"
    parameters = RotateSecretParameters
    remedy = True
    can_undo = True
    destroys_evidence = True
    keeps_way_back = True
    timeout = timedelta(minutes=30)
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "rotateSecret: {secret: db-credentials, keys: [password], ttl: 24h}"

    def permissions(self, params: RotateSecretParameters, kind: str) -> frozenset[Permission]:
        found = {Permission.to(verb, SECRET) for verb in ("get", "create", "patch", "delete")}
        if params.restart:
            found |= secret_consumers.permissions()
            for resource in WORKLOADS:
                found |= look_permissions(resource.kind) | patch_permission(resource.kind)
        return frozenset(found)

    def optional_permissions(self, params: RotateSecretParameters, kind: str) -> frozenset[Permission]:
        closer = {Permission.to("list", QUOTA), Permission.to("create", POD), Permission.to("get", CLAIM)}
        return frozenset(closer if params.restart else ())

    def prepare(self, params: RotateSecretParameters, ctx: Context, seen: Seen) -> Preparation:
        secret = _secret(params, ctx, seen)
        if isinstance(secret, Failed):
            return secret
        workloads = _consumers(params, ctx, seen) if params.restart else []
        if isinstance(workloads, Failed | Waiting):
            return workloads
        reasons = [reason for item in workloads for reason in consumer_restarts.dangers(item, ctx, seen)]
        if release := release_of(secret):
            reasons.append(
                f"it belongs to the Helm release {release}, whose next upgrade may write the old values back"
            )
        return _intent(params, ctx, secret, workloads, reasons)

    def observe(
        self, params: RotateSecretParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Observation:
        secret = _same_secret(ctx, record, seen)
        if secret is None:
            return Failed(f"Secret/{record['secret']} was deleted meanwhile, or created again", final=True, undo=True)
        kept = seen.get(kept_ref(ctx, record))
        whose = whose_values(ctx, record, secret, kept)
        if whose == "Others" or (whose == "Before" and consumer_restarts.is_begun(ctx, record, seen)):
            return Failed(
                f"others wrote Secret/{record['secret']} meanwhile, so nothing more is rotated or restarted; rotate it"
                f" where they have the values from. The values before are kept in Secret/{record['kept']}",
                final=True,
                undo=True,
            )
        if whose == "Before":
            if kept is None:
                return Pending((keep_version(ctx, record, secret),))
            alphabet = ALPHABETS[params.alphabet]
            return Pending((rotate(ctx, record, secret, length=params.length, alphabet=alphabet),), begun=True)
        if (answer := consumer_restarts.next_restart(ctx, record, seen)) is not None:
            return answer
        names = consumer_restarts.names_of(record)
        outputs = {key: record[key] for key in ("secret", "keys", "kept")} | {"restarted": names}
        return Finished(_done_message(record, names), outputs)

    def undo(self, params: RotateSecretParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        name, kept = f"Secret/{record['secret']}", seen.get(kept_ref(ctx, record))
        if ctx.expired:
            text = f"the values before of {name} are deleted, since their time (ttl) is over; the new ones stay"
            return _forget(ctx, record, seen, text)
        secret = _same_secret(ctx, record, seen)
        if secret is None:
            return _forget(ctx, record, seen, f"nothing to put back: {name} is gone")
        whose = whose_values(ctx, record, secret, kept)
        if whose == "Others":
            left = f"others wrote {name} since it was rotated; the values before stay in Secret/{record['kept']}"
            return Finished(f"left as it is: {left}, delete it when nobody needs them")
        if whose == "Before":
            return _forget(ctx, record, seen, f"nothing to undo: {name} has the values before")
        if whose == "Ours":
            if kept is None:
                return Failed(f"Secret/{record['kept']} with the values before of {name} is gone", final=True)
            return Pending((put_back(ctx, record, secret, kept),))
        if (answer := consumer_restarts.next_return(ctx, record, seen)) is not None:
            return answer
        again = f", and {listing(consumer_restarts.names_of(record))} with them" if record["consumers"] else ""
        return _forget(ctx, record, seen, f"the values before are back in {name}{again}")


def _secret(params: RotateSecretParameters, ctx: Context, seen: Seen) -> Object | Failed:
    """The Secret as it is now, or why it is not rotated."""
    name = f"Secret/{params.secret}"
    if wrong := [text for text in params.keys if not _KEY.fullmatch(text)]:
        return Failed(f"{wrong[0]!r} is no key of a Secret; name one such as password", final=True)
    if not _NAME.fullmatch(params.secret):
        return Failed(f"{params.secret!r} is no name of a Secret; name one such as db-credentials", final=True)
    found = seen.get(ObjectRef.to(SECRET, ctx.namespace, params.secret))
    if found is None:
        return Failed(f"there is no {name} in namespace {ctx.namespace}; name one that is there", final=True)
    kind = dig(found, "type", default="Opaque")
    if kind not in _TYPES:
        return Failed(
            f"{name} is of type {kind}, whose values are no random text; renew it where they come from", final=True
        )
    if dig(found, "immutable"):
        return Failed(f"{name} is immutable; make another one, and let the workloads name that", final=True)
    if manager := manager_of(found):
        return Failed(
            f"{name} is written by {manager}, which would write the old value back; rotate it there", final=True
        )
    missing = sorted(set(params.keys).difference(dig(found, "data", default={})))
    if missing:
        there = sorted(dig(found, "data", default={}))
        return Failed(f"{name} has no key {listing(missing)}; it has {listing(there)}", final=True)
    return found


def _consumers(params: RotateSecretParameters, ctx: Context, seen: Seen) -> list[Object] | Failed | Waiting:
    """The workloads that are to be restarted, or why that cannot be done to all who use the Secret."""
    name = f"Secret/{params.secret}"
    found = secret_consumers.consumers_of(params.secret, tuple(params.keys), ctx.namespace, seen)
    otherwise = "or write restart: false, and move them by hand"
    if found.unknown:
        return Failed(f"who uses {name} is not known: {found.unknown}; {otherwise.removeprefix('or ')}", final=True)
    if found.beyond:
        text = f"no restart here reaches {listing(list(found.beyond))}, which would keep the old value of {name}"
        return Failed(f"{text}; suspend or end them first, {otherwise}", final=True)
    if len(found.workloads) > consumer_restarts.MOST:
        text = f"{len(found.workloads)} workloads use {name}, more than the {consumer_restarts.MOST} of one step"
        return Failed(f"{text}; {otherwise.removeprefix('or ')}", final=True)
    for workload in found.workloads:
        if (hindered := consumer_restarts.hindrance(workload, ctx, seen)) is not None:
            return hindered
    return list(found.workloads)


def _intent(
    params: RotateSecretParameters, ctx: Context, secret: Object, workloads: list[Object], reasons: list[str]
) -> Intent:
    until = ctx.now + parse_duration(params.ttl)
    record: dict[str, Any] = {
        "operation": ctx.operation_id,
        "secret": params.secret,
        "secretUID": secret["metadata"]["uid"],
        "keys": params.keys,
        "kept": child_name(ctx.incident, ctx.step, ctx.operation_id),
        "until": format_time(until),
        "restartedAt": format_second(ctx.now),
        "consumers": [consumer_restarts.as_record(item) for item in workloads],
    }
    names = consumer_restarts.names_of(record)
    in_turn = " one after the other" if len(names) > 1 else ""
    then = f"then restarting {listing(names, 10)}{in_turn}" if names else _nobody(params)
    message = (
        f"putting new random values ({params.length} characters) under {listing(params.keys, 16)} of"
        f" Secret/{params.secret}, {then}; the values before are kept in Secret/{record['kept']} for {params.ttl}"
    )
    change = {key: record[key] for key in ("secretUID", "keys")} | {"restarted": names, "length": params.length}
    ask = f"{message}; {'; '.join(reasons)}" if reasons else ""
    return Intent(record, message, ObjectRef.of(secret), expires_at=until, ask=ask, change=change)


def _nobody(params: RotateSecretParameters) -> str:
    if params.restart:
        return "which no running workload of the namespace uses"
    return "and restarting nobody: who uses them keeps the old ones until it starts anew"


def _same_secret(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Object | None:
    found = seen.get(ObjectRef.to(SECRET, ctx.namespace, record["secret"]))
    return found if found is not None and found["metadata"]["uid"] == record["secretUID"] else None


def _forget(ctx: Context, record: Mapping[str, Any], seen: Seen, text: str) -> Observation:
    """Deletes the kept version, which is of no more use, and then says this."""
    effects = forget_version(ctx, record, seen)
    return Pending(effects, done=Finished(text)) if effects else Finished(text)


def _done_message(record: Mapping[str, Any], names: list[str]) -> str:
    who = (
        f"{plural(len(names), 'workload')} started anew with it: {listing(names)}" if names else "nobody was restarted"
    )
    kept = f"the values before are kept in Secret/{record['kept']} until {record['until'][:19]}Z"
    return f"Secret/{record['secret']} has new values under {listing(record['keys'], 16)}; {who}; {kept}"
