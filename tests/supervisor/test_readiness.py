from __future__ import annotations

import socket
import threading

import pytest

from clary.supervisor.readiness import answers


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", False),
        (b"", False),
        (b"nonsense\r\n\r\n", False),
    ],
)
def test_a_refusal_is_an_answer_and_a_part_that_is_down_is_none(answer: bytes, ready: bool):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        assert answers("127.0.0.1", server.getsockname()[1], 10.0) is ready
        serving.join()


def test_a_port_that_refuses_does_not_answer(free_port):
    assert not answers("127.0.0.1", free_port, 1.0)
