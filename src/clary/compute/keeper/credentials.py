"""The endpoint where a program inside gets its role's credentials, in the form of Amazon ECS's.

`GET /credentials` answers with `credentials.json` of the instance's folder, which the agent renews, and only to who
shows the instance's own token: a page that a program was tricked into fetching cannot.
"""

from __future__ import annotations

import json
import socket

from clary.compute.folders import Folder
from clary.compute.keeper.loop import ENDED, IN, Loop

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from typing import Any, Final

REQUEST_BYTES_MAX: Final = 8192
CONNECTIONS_MAX: Final = 64
PATH: Final = "/credentials"
REASONS: Final = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


class CredentialsEndpoint:
    """Answers one request a connection; beyond a number of open connections the oldest is closed."""

    def __init__(self, loop: Loop, listener: socket.socket, folder: Folder, token: str) -> None:
        self._loop = loop
        self._listener = listener
        self._folder = folder
        self._token = token
        self._received: dict[socket.socket, bytes] = {}
        loop.watch(listener.fileno(), IN, self._accept)

    def _accept(self, events: int) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        client.settimeout(0)
        if len(self._received) >= CONNECTIONS_MAX:
            self._close(next(iter(self._received)))
        self._received[client] = b""
        self._loop.watch(client.fileno(), IN, lambda events: self._read(client, events))

    def _read(self, client: socket.socket, events: int) -> None:
        try:
            chunk = client.recv(REQUEST_BYTES_MAX)
        except OSError:
            chunk = b""
        request = self._received[client] = self._received[client] + chunk
        if b"\r\n\r\n" in request:
            self._reply(client, *self.answer(request))
        elif not chunk or events & ENDED or len(request) > REQUEST_BYTES_MAX:
            self._close(client)

    def answer(self, request: bytes) -> tuple[int, Any]:
        """Return the status and the JSON body for a request's head."""
        import hmac  # at the first request: it brings OpenSSL, and most programs never ask

        lines = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        path, _, version = rest.partition(" ")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if not version.startswith("HTTP/1."):
            return 400, {"code": "BadRequest", "message": "This is not a request."}
        if not hmac.compare_digest(headers.get("authorization", "").encode(), self._token.encode()):
            return 403, {"code": "AccessDenied", "message": "The Authorization header does not hold the token."}
        if method != "GET" or path.partition("?")[0] != PATH:
            return 404, {"code": "NotFound", "message": f"Only GET {PATH} is here."}
        credentials = self._folder.read("credentials.json")
        if credentials is None:
            return 503, {"code": "NotReady", "message": "The role's credentials have not arrived yet."}
        return 200, credentials

    def _reply(self, client: socket.socket, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        try:
            client.send(head.encode() + content)  # a few KiB into an empty buffer: never a part of it
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client left
        self._close(client)

    def _close(self, client: socket.socket) -> None:
        self._loop.forget(client.fileno())
        del self._received[client]
        client.close()
