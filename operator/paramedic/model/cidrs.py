"""Ranges of network addresses as people write them: a CIDR, an address, or several with commas between."""

import ipaddress
from collections.abc import Iterable

from paramedic.model.addresses import Network

_WORDS = (
    ("is_unspecified", "the address of nobody"),
    ("is_loopback", "loopback"),
    ("is_link_local", "link-local"),
    ("is_multicast", "multicast"),
    ("is_reserved", "reserved"),
)


def parse_range(text: str) -> Network:
    """Reads ``203.0.113.7``, ``203.0.113.0/24`` or ``2001:db8::/48``; IPv4 in IPv6's clothes becomes IPv4.

    Raises ValueError with what to write instead.
    """
    try:
        found = ipaddress.ip_network(text, strict=False)
        address = ipaddress.ip_interface(text).ip
    except ValueError:
        raise ValueError(
            f"{text[:60]!r} is no address and no CIDR; write such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/48"
        ) from None
    if address != found.network_address:
        raise ValueError(f"{text} has bits beyond its prefix; write {found}, or {address} for that address alone")
    mapped = found.network_address.ipv4_mapped if isinstance(found, ipaddress.IPv6Network) else None
    if mapped is not None and found.prefixlen >= 96:
        return ipaddress.ip_network(f"{mapped}/{found.prefixlen - 96}")
    return found


def parse_ranges(texts: Iterable[str]) -> list[Network]:
    """The ranges of all these texts, in order, each once; what lies within another one is left out.

    Raises ValueError.
    """
    parts = [part.strip() for text in texts for part in text.split(",")]
    found = list(dict.fromkeys(parse_range(part) for part in parts if part))
    return [item for item in found if not any(item != other and contains(other, item) for other in found)]


def contains(outer: Network, inner: Network) -> bool:
    """Whether every address of ``inner`` is in ``outer``."""
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def special_use(found: Network) -> str:
    """What a range is for that no sender on the Internet has, such as loopback; empty for all others."""
    return next((word for name, word in _WORDS if getattr(found, name)), "")


def format_range(found: Network) -> str:
    """An address as itself, anything wider as a CIDR."""
    return str(found.network_address) if found.num_addresses == 1 else str(found)
