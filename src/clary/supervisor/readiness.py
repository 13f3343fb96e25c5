"""Whether Clary answers: a request that needs gateway and api, made as a client would."""

from __future__ import annotations

import http.client
import time
from http import HTTPStatus

ANSWER_S = 30.0
RETRY_S = 0.02
PATH = "/metrics"
"""Refused without a password by the api itself, which would first read the model of a service for any other path."""


def wait_for_an_answer(host: str, port: int) -> None:
    """Return once an unsigned request has got its refusal from the api, or raise TimeoutError."""
    deadline = time.monotonic() + ANSWER_S
    while (left_s := deadline - time.monotonic()) > 0:
        if answers(host, port, left_s):
            return
        time.sleep(RETRY_S)
    raise TimeoutError(f"no answer from port {port} of {host} within {ANSWER_S:.0f} s")


def answers(host: str, port: int, timeout_s: float) -> bool:
    """Say whether a request is answered, in time and not by saying that a part of Clary is down."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status < HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
