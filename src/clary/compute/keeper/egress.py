"""The way out to the internet: an HTTP proxy on a Unix socket, in a process that stays in the machine's own network.

It serves CONNECT and plain `http://` requests, and refuses addresses of this machine and of its link (among them the
metadata services of clouds), so that a program inside cannot reach what trusts its neighbours.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import threading

from clary.compute.keeper import bridges, kernel
from clary.compute.keeper.loop import Loop

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from typing import Final

HEAD_BYTES_MAX: Final = 65536
CONNECTIONS_MAX: Final = 64
CONNECT_TIMEOUT_S: Final = 20.0
HEAD_TIMEOUT_S: Final = 60.0
ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Refused(Exception):
    """The request is none that this proxy serves."""


def fork_proxy(path: str) -> int:
    """Leave a proxy process behind that listens on this socket and dies with this process; return its pid."""
    listener = bridges.listen_on_path(path)
    listener.settimeout(None)
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            kernel.die_with(keeper)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            _serve(listener)
        finally:
            os._exit(1)
    listener.close()
    return pid


def _serve(listener: socket.socket) -> None:
    places = threading.BoundedSemaphore(CONNECTIONS_MAX)
    while True:
        places.acquire()
        near, _ = listener.accept()
        threading.Thread(target=_attend, args=(near, places), daemon=True).start()


def _attend(near: socket.socket, places: threading.BoundedSemaphore) -> None:
    try:
        with near:
            near.settimeout(HEAD_TIMEOUT_S)
            _pass_on(near)
    except OSError:
        pass  # one of the two left; there is nobody to tell
    finally:
        places.release()


def _pass_on(near: socket.socket) -> None:
    try:
        head, rest = _read_head(near)
        host, port, first = destination(head)
        far = _connect(host, port)
    except Refused as refusal:
        near.sendall(_answer("403 Forbidden", str(refusal)))
        return
    except OSError as error:
        near.sendall(_answer("502 Bad Gateway", f"The proxy could not connect: {error}"))
        return
    with far:
        if first is None:
            near.sendall(ESTABLISHED)
        far.sendall((first or b"") + rest)
        for each in (near, far):
            each.settimeout(0)
        loop = Loop()
        bridges.Bridge(loop, near, far, loop.stop)
        loop.run()


def _read_head(near: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = near.recv(HEAD_BYTES_MAX)
        if not chunk or len(received) > HEAD_BYTES_MAX:
            raise Refused("The request has no end.")
        received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def destination(head: bytes) -> tuple[str, int, bytes | None]:
    """Return host, port and the head to pass on (None for CONNECT), or raise Refused."""
    first, _, headers = head.partition(b"\r\n")
    method, _, rest = first.decode("latin-1").partition(" ")
    target, _, version = rest.partition(" ")
    if method == "CONNECT":
        return *_host_and_port(target, 443), None
    if not target.startswith("http://"):
        raise Refused("Only CONNECT and http:// are served.")
    authority, _, path = target.removeprefix("http://").partition("/")
    kept = [line for line in headers.split(b"\r\n") if not line.lower().startswith((b"proxy-", b"connection:"))]
    lines = [f"{method} /{path} {version}".encode("latin-1"), *kept, b"Connection: close", b"", b""]
    return *_host_and_port(authority, 80), b"\r\n".join(lines)


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, str(default)
    if not port.isdecimal() or not 0 < int(port) < 65536 or not host:
        raise Refused(f"{authority!r} is not a host and a port.")
    return host.strip("[]"), int(port)


def _connect(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not all(allowed(str(address[0])) for *_, address in found):
        raise Refused(f"{host} is an address of this machine or of its link.")
    error: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in found:
        far = socket.socket(family, kind, protocol)
        far.settimeout(CONNECT_TIMEOUT_S)
        try:
            far.connect(address)
        except OSError as failure:
            far.close()
            error = failure
            continue
        if far.getsockname()[0] == far.getpeername()[0]:
            far.close()
            raise Refused(f"{host} is an address of this machine or of its link.")
        return far
    raise error


def allowed(address: str) -> bool:
    """Say whether a program inside may reach this IP address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    return not (ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast or ip.is_reserved)


def _answer(status: str, text: str) -> bytes:
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
