"""Whether a connection that was handed over came in by TLS.

Its end is one of a pair then, and the gateway, which holds the other end, has given that a name. The kernel keeps
the name wherever the connection goes, and no client can give one: what it connects to is a listener, with its own.
"""

from __future__ import annotations

import secrets
import socket

SECURE = "\0clary/tls/"


def pair(*, secure: bool) -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a connection, neither of which blocks; the second knows that it is `secure`."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    theirs.settimeout(0)
    if secure:
        ours.bind(SECURE + secrets.token_hex(16))
    return ours, theirs


def is_secure(connection: socket.socket) -> bool:
    """Say whether what arrives at a connection came over TLS."""
    if connection.family != socket.AF_UNIX or connection.getsockname():
        return False
    try:
        name = connection.getpeername()
    except OSError:
        return False  # it has ended
    return isinstance(name, bytes) and name.startswith(SECURE.encode())  # names of pairs are no text, paths are
