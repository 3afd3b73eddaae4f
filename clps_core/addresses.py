"""Under which addresses this server is reached, and from which address somebody comes. Start at Names and came_from.

A browser says in ``Host`` where it went and in ``Origin`` whose page asks. Both must be this server's own: its
own host and port, or a name in ``CLPS_HOSTS`` (behind a proxy, or at the other end of a tunnel). No torch, no
streamlit.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["ADDRESS", "HOSTS", "Name", "Names", "Network", "came_from", "network"]

ADDRESS = "127.0.0.1"
HOSTS = (ADDRESS, "localhost")
"""What this machine is called in the address of a page. With any other name, somebody else's page could lead its
own name here (DNS rebinding) and act as whoever opens it."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = r"(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?|\[[0-9a-f:.]{2,45}\]"
_HEADER = re.compile(rf"({_HOST})(?::([0-9]{{1,5}}))?")
_ENTRY = re.compile(rf"(?:(https?)://)?((?:\*\.)?(?:{_HOST}))(?::([0-9]{{1,5}}))?/?")
_USUAL_PORTS = {"http": 80, "https": 443}
MOST_CHARACTERS = 300
"""No host name is longer than 253 characters."""


@dataclass(frozen=True)
class Name:
    """One entry of ``CLPS_HOSTS``: a host, or all under it (``*.school.example``); without a port the usual ones."""

    host: str
    port: int | None = None
    scheme: str | None = None

    def fits(self, host: str, port: int | None) -> bool:
        """Whether a ``Host`` header with these parts means this entry."""
        if not (host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host):
            return False
        if self.port is None:
            return port in (None, *_USUAL_PORTS.values())
        return port == self.port or (port is None and self.port in _USUAL_PORTS.values())


@dataclass(frozen=True)
class Names:
    """The names in ``CLPS_HOSTS``; the server's own host and port are added where it is asked."""

    more: tuple[Name, ...] = ()

    @classmethod
    def of(cls, text: str) -> Names:
        """From what ``CLPS_HOSTS`` says, names with commas between; raises ``ConfigError`` for what is none."""
        return cls(tuple(_entry(part) for part in map(str.strip, text.split(",")) if part))

    @property
    def hosts(self) -> tuple[str, ...]:
        """All host names, without ports."""
        return tuple(dict.fromkeys([*HOSTS, *(name.host for name in self.more)]))

    def knows(self, host: str | None, own_port: int | None) -> bool:
        """Whether this ``Host`` header names the server, which listens on ``own_port``."""
        return self._schemes(host, own_port, "http") != ()

    def knows_origin(self, origin: str | None, host: str | None, own_port: int | None, scheme: str = "http") -> bool:
        """Whether ``origin`` is a page of this server, asked as ``host``; ``scheme`` is what it speaks itself.

        Browsers connect to where their page came from, so the two name one address, port included.
        """
        found, separator, netloc = (origin or "")[:MOST_CHARACTERS].lower().partition("://")
        if not separator or netloc != (host or "").lower():
            return False
        return found in self._schemes(host, own_port, scheme)

    def _schemes(self, host: str | None, own_port: int | None, scheme: str) -> tuple[str, ...]:
        """How a page at ``host`` may be reached; none where that is not this server."""
        match = _HEADER.fullmatch((host or "")[:MOST_CHARACTERS].lower())
        if match is None:
            return ()
        name, port = match[1], int(match[2]) if match[2] else None
        if name in HOSTS and own_port is not None and (port or _USUAL_PORTS[scheme]) == own_port:
            return (scheme,)
        fitting = [one for one in self.more if one.fits(name, port)]
        return tuple({scheme for one in fitting for scheme in ([one.scheme] if one.scheme else _USUAL_PORTS)})


def _entry(text: str) -> Name:
    match = _ENTRY.fullmatch(text.lower()) if len(text) <= MOST_CHARACTERS else None
    port = int(match[3]) if match and match[3] else None
    if match is None or (port is not None and not 1 <= port <= 65535):
        raise ConfigError(
            _(
                "CLPS_HOSTS must list the names that browsers use for this server, such as lab.school.example or "
                "localhost:9000, separated by commas. Got {got}. Correct it.",
                got=repr(text[:60]),
            )
        )
    return Name(match[2], port, match[1])


# From where somebody comes


def network(text: str) -> Network:
    """``127.0.0.1`` or ``10.0.0.0/8``; raises ``ValueError`` for neither."""
    return ipaddress.ip_network(text.strip(), strict=False)


def came_from(peer: str | None, forwarded: Iterable[str], proxies: Sequence[Network]) -> str:
    """The address that a visitor is counted under.

    It is the peer's, unless that is one of ``proxies``: then the last address in ``forwarded`` (the values of
    ``X-Forwarded-For``) that is none of them. What stands before it was written by the visitor. An IPv6
    address counts with its 64-bit network, which is what one customer gets.
    """
    chain = [part.strip() for value in forwarded for part in value[-2000:].split(",")]
    current = _address(peer or "")
    while current is not None and chain and any(current in one for one in proxies):
        before = _address(chain.pop())
        if before is None:
            break
        current = before
    if current is None:
        return ""
    return str(ipaddress.ip_network((current, 64), strict=False)) if current.version == 6 else str(current)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with_port = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+", text)
    try:
        found = ipaddress.ip_address((with_port[1] or with_port[2]) if with_port else text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
