"""Is a model server alive: `GET /ping` over its Unix socket, as SageMaker asks its containers."""

from __future__ import annotations

import socket
from pathlib import Path

PING_S = 2.0
"""How long a container may take to answer: SageMaker developer guide, «How Your Container Should Respond to Ping»."""
HEAD_BYTES_MAX = 65536
REQUEST = b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def ping(path: Path | None) -> bool:
    """Say whether the server answers 200."""
    if path is None:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PING_S)
        try:
            connection.connect(str(path))
            connection.sendall(REQUEST)
            return _head(connection).split(maxsplit=2)[1:2] == [b"200"]
        except OSError:
            return False


def _head(connection: socket.socket) -> bytes:
    """Read the head of the answer, or what there is of it."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES_MAX:
        received = connection.recv(HEAD_BYTES_MAX)
        if not received:
            break
        head += received
    return head
