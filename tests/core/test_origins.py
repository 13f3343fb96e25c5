"""A connection says itself whether it came by TLS, and says it wherever it goes."""

from __future__ import annotations

import os
import socket

from clary.core import origins


def test_the_end_of_a_secure_pair_is_secure_and_that_of_a_plain_one_is_not():
    for secure in (True, False):
        ours, theirs = origins.pair(secure=secure)
        with ours, theirs:
            assert origins.is_secure(theirs) is secure


def test_what_was_given_to_another_process_is_as_secure_as_before():
    ours, theirs = origins.pair(secure=True)
    near, far = socket.socketpair()
    with ours, theirs, near, far:
        socket.send_fds(near, [b"x"], [theirs.fileno()])
        _, (descriptor,), _, _ = socket.recv_fds(far, 1, 1)
        with socket.socket(fileno=descriptor) as given:
            assert origins.is_secure(given)


def test_what_is_over_already_is_not_secure():
    with socket.socket(socket.AF_UNIX) as connection:
        assert not origins.is_secure(connection)


def test_a_client_cannot_take_the_name_of_a_secure_end(tmp_path):
    path = tmp_path / "platform.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(path))
        listener.listen()
        client.bind(f"{origins.SECURE}forged-{os.getpid()}")
        client.connect(str(path))
        with listener.accept()[0] as accepted:
            assert accepted.getpeername().startswith(origins.SECURE.encode())
            assert not origins.is_secure(accepted)


def test_a_connection_by_network_is_not_secure():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        with listener.accept()[0] as accepted:
            assert not origins.is_secure(accepted)
        assert not origins.is_secure(client)
