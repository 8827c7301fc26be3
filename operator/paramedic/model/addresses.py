"""Which network addresses may be reached: the one rule for checks and for channels."""

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Where clouds serve credentials to whoever asks from the machine (RFC 3927, RFC 4291); never a service of anybody's.
ALWAYS_DENIED: tuple[Network, ...] = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("fe80::/10"),
    ipaddress.ip_network("fd00:ec2::254/128"),
)


class Forbidden(OSError):
    """An address that may not be reached."""


class AddressGuard:
    """Which addresses may be asked: never a metadata service; with an allow-list, only what it holds.

    ``asker`` and ``option`` are for the message: what wanted to ask, and the option that holds the allow-list.
    """

    def __init__(
        self, allowed: tuple[Network, ...] = (), *, asker: str = "check", option: str = "--http-allow"
    ) -> None:
        self._allowed, self._asker, self._option = allowed, asker, option

    def check(self, address: str) -> None:
        """Raises Forbidden."""
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(found, "ipv4_mapped", None)
        found = mapped or found
        if found.is_multicast or found.is_unspecified or any(found in net for net in ALWAYS_DENIED):
            raise Forbidden(f"{found} is an address that no {self._asker} may ask")
        if self._allowed and not any(found in net for net in self._allowed):
            raise Forbidden(f"{found} is not in the allowed networks ({self._option})")
