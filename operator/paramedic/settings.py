"""What `paramedic run` can be told, by flag or by environment variable (PARAMEDIC_*); a flag wins."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from paramedic.lease import LeaseTimes

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Settings(BaseSettings):
    """Settings of one process. Raises pydantic's ValidationError, whose location is the name of the setting."""

    model_config = SettingsConfigDict(env_prefix="PARAMEDIC_", extra="ignore", frozen=True)

    kubeconfig: str | None = None
    namespace: str | None = None
    ops: str = "127.0.0.1:8080"
    lease_namespace: str | None = None
    lease_duration: float = Field(15.0, ge=1.0, le=300.0)
    http_allow: Annotated[tuple[Network, ...], NoDecode] = ()
    workers: int = Field(32, ge=1, le=512)
    log_format: Literal["auto", "json", "text"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("http_allow", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("ops")
    @classmethod
    def _address(cls, value: str) -> str:
        split_address(value)
        return value

    @field_validator("namespace", "kubeconfig", "lease_namespace")
    @classmethod
    def _empty_is_none(cls, value: str | None) -> str | None:
        return value or None

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


def split_address(text: str) -> tuple[str, int]:
    """``ADDR:PORT``, with brackets around an IPv6 address; an empty ADDR is every address. Raises ValueError."""
    host, found, port = text.rpartition(":")
    if not found or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{text!r} is not ADDR:PORT; write one such as 127.0.0.1:8080 or [::]:8080")
    return host.strip("[]"), int(port)
