"""What `paramedic run` can be told, by flag or by environment variable (PARAMEDIC_*); a flag wins."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from paramedic.lease import LeaseTimes
from paramedic.model.endpoints import BadUrl, Endpoint, shown

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Settings(BaseSettings):
    """Settings of one process. Raises pydantic's ValidationError, whose location is the name of the setting."""

    model_config = SettingsConfigDict(env_prefix="PARAMEDIC_", extra="ignore", frozen=True)

    kubeconfig: str | None = None
    namespace: str | None = None
    ops: str = "127.0.0.1:8080"
    receiver: str | None = None
    receiver_token_file: str | None = Field(None, validate_default=True)
    receiver_cert: str | None = None
    receiver_key: str | None = Field(None, validate_default=True)
    receiver_body_limit: int = Field(1 << 20, ge=1 << 10, le=32 << 20)
    default_namespace: str | None = None
    lease_namespace: str | None = None
    lease_duration: float = Field(15.0, ge=1.0, le=300.0)
    http_allow: Annotated[tuple[Network | Endpoint, ...], NoDecode] = ()
    workers: int = Field(32, ge=1, le=512)
    log_format: Literal["auto", "json", "text"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("http_allow", mode="before")
    @classmethod
    def _allowed(cls, value: object) -> object:
        texts = value.split(",") if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(item, str) for item in texts):
            return value
        return tuple(_network_or_endpoint(part.strip()) for text in texts for part in text.split(",") if part.strip())

    @field_validator(
        "namespace", "kubeconfig", "lease_namespace", "receiver", "receiver_token_file", "receiver_cert",
        "receiver_key", "default_namespace",
    )  # fmt: skip
    @classmethod
    def _empty_is_none(cls, value: str | None) -> str | None:
        return value or None

    @field_validator("ops", "receiver")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None:
            split_address(value)
        return value

    @field_validator("receiver_token_file")
    @classmethod
    def _token_or_loopback(cls, value: str | None, info: ValidationInfo) -> str | None:
        address = info.data.get("receiver")
        if value is None and address is not None and not _is_loopback(split_address(address)[0]):
            raise ValueError(
                f"is needed, since others can reach {address}, and whoever can send alerts can start playbooks; give a"
                " file with a token a line, or let --receiver listen on 127.0.0.1"
            )
        return value

    @field_validator("receiver_key")
    @classmethod
    def _pair(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("receiver_cert") is None):
            raise ValueError("a certificate and its key are given together: --receiver-cert and --receiver-key")
        return value

    @field_validator("default_namespace")
    @classmethod
    def _within_reach(cls, value: str | None, info: ValidationInfo) -> str | None:
        only = info.data.get("namespace")
        if value is not None and only is not None and value != only:
            raise ValueError(f"is {value}, but this operator works in {only} alone (--namespace)")
        return value

    @property
    def http_networks(self) -> tuple[Network, ...]:
        """The networks that checks may ask; empty for all but the addresses that nobody may ask."""
        return tuple(item for item in self.http_allow if not isinstance(item, Endpoint))

    @property
    def http_endpoints(self) -> tuple[Endpoint, ...]:
        """Where steps may send requests to; empty for nowhere."""
        return tuple(item for item in self.http_allow if isinstance(item, Endpoint))

    @property
    def lease_times(self) -> LeaseTimes:
        return LeaseTimes.of(self.lease_duration)

    @property
    def home_namespace(self) -> str:
        """Where the lease lives: as told, the Pod's namespace, the watched one, or `default`."""
        if self.lease_namespace:
            return self.lease_namespace
        if _NAMESPACE_FILE.exists():
            return _NAMESPACE_FILE.read_text().strip()
        return self.namespace or "default"

    @property
    def alerts_namespace(self) -> str:
        """Where the Incidents of alerts go that have no namespace of their own."""
        return self.default_namespace or self.namespace or self.home_namespace


def _network_or_endpoint(text: str) -> Network | Endpoint:
    """A network as CIDR, or the URL prefix of endpoints. Raises ValueError."""
    if "://" in text:
        try:
            return Endpoint.prefix(text)
        except BadUrl as error:
            raise ValueError(f"{shown(text)!r} {error}") from None
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(
            f"{error}; write a network that checks may ask, such as 10.0.0.0/8, or the URL prefix of an endpoint that"
            " steps may send to, such as https://api.example.com/v1"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_address(text: str) -> tuple[str, int]:
    """``ADDR:PORT``, with brackets around an IPv6 address; an empty ADDR is every address. Raises ValueError."""
    host, found, port = text.rpartition(":")
    if not found or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{text!r} is not ADDR:PORT; write one such as 127.0.0.1:8080 or [::]:8080")
    return host.strip("[]"), int(port)
