"""The sockets that Clary is reached by.

The supervisor makes and holds them, its children inherit them: while a child is
replaced, connections wait in the backlog and none is refused.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from clary.core.settings import Settings

BACKLOG = 4096


class CannotListen(Exception):
    """An address cannot be listened on; the message says which, why and what to do."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Listening stream sockets.

    `tcp` is the one port; `platform` is where code inside instances comes in, `invocations` where
    the platform itself invokes endpoints, `handoffs` where gateways hand connections to the api.
    """

    tcp: socket.socket
    platform: socket.socket
    invocations: socket.socket
    handoffs: socket.socket

    @property
    def port(self) -> int:
        """The port of `tcp`."""
        return int(self.tcp.getsockname()[1])

    def close(self) -> None:
        """Refuse connections from now on, once no child holds the sockets either."""
        for each in (self.platform, self.invocations, self.handoffs):
            Path(each.getsockname()).unlink(missing_ok=True)
            each.close()
        self.tcp.close()


def listen(settings: Settings) -> Listeners:
    """Listen on all addresses of the settings, port 0 being any free one, or raise CannotListen."""
    with ExitStack() as opened:
        listeners = Listeners(
            tcp=opened.enter_context(listen_on_port(settings.host, settings.port)),
            platform=opened.enter_context(_listen_on_path(settings.platform_socket)),
            invocations=opened.enter_context(_listen_on_path(settings.run / "invocations.sock")),
            handoffs=opened.enter_context(_listen_on_path(settings.handoff_socket)),
        )
        opened.pop_all()  # they stay open where all could be opened
    return listeners


def listen_on_port(host: str, port: int) -> socket.socket:
    """Listen on a TCP port, or raise CannotListen."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(_reason(host, port, error)) from error


def _reason(host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} on {host} is taken by another program. "
                "Choose another with --port, or --port 0 for any that is free."
            )
        case errno.EACCES:
            return f"Port {port} on {host} may be used by root only. Choose one above 1023 with --port."
        case _:
            return f"Cannot listen on port {port} of {host}: {error.strerror}."


def _listen_on_path(path: Path) -> socket.socket:
    """Listen on a Unix socket that only this user may connect to; whoever had it before is gone."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        os.chmod(path, 0o600)  # nobody can connect before `listen`
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(f"Cannot listen on {path}: {error.strerror}.") from error
    return listener
