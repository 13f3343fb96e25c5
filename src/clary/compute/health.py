"""Is a model server alive: `GET /ping` over its Unix socket, as SageMaker asks its containers."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

PING_S = 2.0
"""How long a container may take to answer: SageMaker developer guide, «How Your Container Should Respond to Ping»."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PING_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ping(path: Path | None) -> bool:
    """Say whether the server answers 200."""
    if path is None:
        return False
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
