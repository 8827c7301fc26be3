"""Whether the channels of a playbook can be used: the Secret is there, has the key, and its value is a URL."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterator

from paramedic.actions.reads import GetObject, Seen
from paramedic.api.v1alpha1.playbook import Channel, PlaybookSpec
from paramedic.engine.readiness.findings import Finding
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import SECRET, ObjectRef
from paramedic.model.text import listing, shorten

#: Why a channel's URL cannot be used and what to write instead; empty if it can. The URL is a secret: the answer must
#: not hold any of it.
UrlCheck = Callable[[str], str]

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


def form_refusal(url: str) -> str:
    """The least that any Apprise URL is: SCHEME://SOMETHING, without blanks."""
    return "" if _URL.fullmatch(url) else "it is no URL; store one such as slack://TOKEN_A/TOKEN_B/TOKEN_C/"


def secret_permission(channel: Channel) -> Permission:
    return Permission.to("get", SECRET, name=channel.secret_ref.name)


def channel_problems(
    spec: PlaybookSpec, seen: Seen, namespace: str, unreadable: frozenset[Permission], check_url: UrlCheck, more: str
) -> Iterator[Finding]:
    """Reads the Secrets as the playbook's account. ``unreadable`` are those that it may not get; ``more`` says how to
    grant them. Raises Missing, and Denied where the operator may not read as the account.
    """
    readable = [channel for channel in spec.channels if secret_permission(channel) not in unreadable]
    seen.prefetch(GetObject(_secret_ref(channel, namespace)) for channel in readable)
    for index, channel in enumerate(spec.channels):
        path = f"spec.channels[{index}].secretRef"
        if channel in readable:
            secret = seen.get(_secret_ref(channel, namespace))
            yield from _secret_problems(path, channel, secret, namespace, check_url)
        else:
            who, what = spec.service_account_name, secret_permission(channel)
            text = f'ServiceAccount {who} may not "{what}" (needed by channel {channel.name})'
            yield Finding(path, text, more, reason="MissingPermission")


def _secret_ref(channel: Channel, namespace: str) -> ObjectRef:
    return ObjectRef.to(SECRET, namespace, channel.secret_ref.name)


def _secret_problems(
    path: str, channel: Channel, secret: Object | None, namespace: str, check_url: UrlCheck
) -> Iterator[Finding]:
    name, key = channel.secret_ref.name, channel.secret_ref.key
    if secret is None:
        mend = f"create it: kubectl create secret generic {name} -n {namespace} --from-literal={key}=URL"
        yield _not_ready(f"{path}.name", f"there is no Secret {name} in namespace {namespace}", mend)
        return
    data = dig(secret, "data", default={})
    if key not in data:
        has = listing(sorted(data))
        yield _not_ready(f"{path}.key", f"Secret {name} has no key {key}", f"add it, or write one that it has: {has}")
        return
    url = _decoded(data[key])
    refusal = "it is empty; store its Apprise URL" if not url else check_url(url)
    if refusal:
        problem, _, mend = shorten(refusal.replace(url, "…") if url else refusal, 300).rpartition("; ")
        yield _not_ready(
            f"{path}.key", f"the value of {key} in Secret {name}: {problem or mend}", mend if problem else ""
        )


def _decoded(value: str) -> str:
    """The text of a Secret's value, without the line break that an editor leaves at its end."""
    try:
        return b64decode(value).decode().strip()
    except (binascii.Error, ValueError):
        return ""


def _not_ready(path: str, problem: str, mend: str) -> Finding:
    return Finding(path, problem, mend, reason="ChannelNotReady")
