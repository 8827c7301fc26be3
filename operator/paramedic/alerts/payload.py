"""Alertmanager's webhook, version 4, read strictly: what does not fit is refused with the field's name.

Fields that are not needed are not looked at, since Alertmanager adds some now and then. Texts lose their control
characters; apart from that they are data, whatever they contain.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from paramedic.alerts.moments import canonical_moment, in_order, is_zero
from paramedic.model.text import shorten

#: Control characters but tab and newline, direction marks, and what is no character.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_FNV_OFFSET, _FNV_PRIME, _FNV_MASK = 14695981039346656037, 1099511628211, (1 << 64) - 1


class Malformed(Exception):
    """The body is not what Alertmanager sends. The text names the field and says what is wrong with it."""


@dataclass(frozen=True)
class ReceivedAlert:
    """One alert. ``starts_at`` and ``ends_at`` are canonical moments; ``ends_at`` is empty while it fires."""

    name: str
    firing: bool
    fingerprint: str
    starts_at: str
    ends_at: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str

    @property
    def key(self) -> tuple[str, str, bool]:
        """Two with the same key say the same."""
        return self.fingerprint, self.starts_at, self.firing


@dataclass(frozen=True)
class Notification:
    """One request of Alertmanager. ``truncated`` counts alerts that it left out (`max_alerts`)."""

    alerts: tuple[ReceivedAlert, ...]
    truncated: int


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, strict=True)


class _Alert(_Model):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] | None = None
    starts_at: str
    ends_at: str | None = None
    generator_url: str | None = Field(None, alias="generatorURL")
    fingerprint: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{0,64}$")] | None = None

    @field_validator("labels")
    @classmethod
    def _named(cls, labels: dict[str, str]) -> dict[str, str]:
        if not printable(labels.get("alertname", "")).strip():
            raise PydanticCustomError("alertname", "alertname: is missing or empty; every alert has a name")
        return labels

    @field_validator("starts_at", "ends_at")
    @classmethod
    def _canonical(cls, moment: str | None) -> str | None:
        return _moment(moment) if moment else None

    @field_validator("starts_at")
    @classmethod
    def _begun(cls, moment: str | None) -> str | None:
        if moment is None or is_zero(moment):
            raise PydanticCustomError("moment", "is not set; an alert without a beginning cannot be told from others")
        return moment


class _Notification(_Model):
    version: str
    alerts: Annotated[list[_Alert], FailFast()]
    truncated_alerts: int = Field(0, ge=0, lt=1 << 64)

    @field_validator("version")
    @classmethod
    def _known(cls, version: str) -> str:
        if version != "4":
            raise PydanticCustomError("version", "is not 4, the version of Alertmanager's webhook that is understood")
        return version


def parse(body: bytes) -> Notification:
    """Reads a body. Alerts that say the same come once, and those of one fingerprint in the order in which they began.
    Raises Malformed.
    """
    try:
        found = _Notification.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Malformed(_told(first["loc"], first["msg"])) from None
    alerts: dict[tuple[str, str, bool], ReceivedAlert] = {}
    for item in found.alerts:
        alert = _received(item)
        alerts.setdefault(alert.key, alert)
    ordered = sorted(alerts.values(), key=lambda alert: in_order(alert.starts_at))
    return Notification(tuple(ordered), found.truncated_alerts)


def _received(alert: _Alert) -> ReceivedAlert:
    labels = {printable(key): printable(value) for key, value in alert.labels.items()}
    annotations = {printable(key): printable(value) for key, value in (alert.annotations or {}).items()}
    return ReceivedAlert(
        name=" ".join(labels["alertname"].split()),
        firing=alert.status == "firing",
        fingerprint=alert.fingerprint or fingerprint_of(alert.labels),
        starts_at=alert.starts_at,
        ends_at="" if alert.ends_at is None or is_zero(alert.ends_at) else alert.ends_at,
        labels=labels,
        annotations=annotations,
        generator_url=printable(alert.generator_url or ""),
    )


def printable(text: str) -> str:
    """The text with a replacement character for each that would do something to a terminal."""
    return _UNPRINTABLE.sub("\ufffd", text)


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """The fingerprint that Alertmanager gives to these labels: FNV-1a over them, sorted (common, model/signature.go)."""
    found = _FNV_OFFSET
    for name, value in sorted(labels.items()):
        for byte in name.encode() + b"\xff" + value.encode() + b"\xff":
            found = ((found ^ byte) * _FNV_PRIME) & _FNV_MASK
    return f"{found:016x}"


def _moment(text: str) -> str:
    try:
        return canonical_moment(text)
    except ValueError as error:
        raise PydanticCustomError("moment", "{reason}", {"reason": str(error)}) from None


def _told(place: tuple[int | str, ...], message: str) -> str:
    path = ""
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{shorten(printable(part), 80)}" if path else part
    if not path:
        return f"the body: {message}"
    named, found, rest = message.partition(": ")
    return f"{path}.{named}: {rest}" if found and named == "alertname" else f"{path}: {message}"
