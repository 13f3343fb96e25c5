"""Posts over HTTP to whatever URL users name, but never to where only this machine's own cloud should be asked.

Loopback and private addresses are allowed: Clary runs on its user's own machine. The address
that was checked is the one that is connected to, and redirects are not followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from urllib.parse import urlsplit

from clary.controllers.deliveries import NotDelivered

TIMEOUT_S = 15.0
ANSWER_BYTES_MAX = 64 * 1024
TOO_MANY = 429


def post(url: str, headers: dict[str, str], body: bytes) -> None:
    """Return once the receiver answered with a status of 200 to 299, or raise NotDelivered."""
    try:
        status = _post(url, headers, body)
    except (OSError, http.client.HTTPException) as error:
        raise NotDelivered(f"{url}: {error}", permanent=False) from error
    if not 200 <= status < 300:
        permanent = 300 <= status < 500 and status != TOO_MANY
        raise NotDelivered(f"{url} answered {status}", permanent=permanent)


def _post(url: str, headers: dict[str, str], body: bytes) -> int:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    sock = socket.create_connection((address_of(host, port), port), TIMEOUT_S)
    try:
        connection.sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host) if secure else sock
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request("POST", target, body, headers)
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES_MAX)
        return answer.status
    finally:
        connection.close()
        sock.close()


def address_of(host: str, port: int) -> str:
    """Return an address of a host that may be posted to, or raise NotDelivered."""
    for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address = ipaddress.ip_address(place[0])
        if not (address.is_link_local or address.is_multicast or address.is_unspecified):
            return str(address)
    raise NotDelivered(f"{host} has no address that may be posted to", permanent=True)
