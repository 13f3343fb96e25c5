"""Constant load on an endpoint: clients that sign, keep their connections, never repeat, and count what they heard.

Some are boto3, which is how people call; the others sign with botocore and send by `http.client`, which leaves the
processor to Clary.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from tests.e2e.conftest import REGION, Account

PAUSE_S = 0.005
BODY = b"1,2"
CONTENT_TYPE = "text/csv"
VARIANT = "x-amzn-invoked-production-variant"
HANG_S = 90.0
TROUBLES_KEPT = 20


class Refused(Exception):
    """The answer was not 200."""


TROUBLES = (ClientError, BotoCoreError, Refused, http.client.HTTPException, OSError)


class Client(Protocol):
    """Whoever invokes an endpoint."""

    def invoke(self, endpoint: str) -> tuple[str, str]:
        """Return the variant that answered and what it said; raise one of TROUBLES."""

    def close(self) -> None:
        """Close its connection."""


class Boto:
    """A client as boto3 makes it."""

    def __init__(self, account: Account) -> None:
        self._client = account.clary.client("sagemaker-runtime", account.keys)

    def invoke(self, endpoint: str) -> tuple[str, str]:
        answer = self._client.invoke_endpoint(EndpointName=endpoint, ContentType=CONTENT_TYPE, Body=BODY)
        return answer["InvokedProductionVariant"], answer["Body"].read().decode()

    def close(self) -> None:
        self._client.close()


class Plain:
    """A client that signs, and has one connection for life; one that Clary closed is a trouble."""

    def __init__(self, account: Account) -> None:
        self._url = account.clary.environment["AWS_ENDPOINT_URL"]
        keys = account.keys
        self._auth = SigV4Auth(Credentials(keys.access_key, keys.secret, keys.token), "sagemaker", REGION)
        self._connection = http.client.HTTPConnection(self._url.removeprefix("http://"), timeout=70)

    def invoke(self, endpoint: str) -> tuple[str, str]:
        path = f"/endpoints/{endpoint}/invocations"
        asked = AWSRequest("POST", self._url + path, headers={"Content-Type": CONTENT_TYPE}, data=BODY)
        self._auth.add_auth(asked)
        self._connection.request("POST", path, BODY, dict(asked.headers))
        answer = self._connection.getresponse()
        said = answer.read().decode()
        if answer.status != http.client.OK:
            raise Refused(f"{answer.status} {said}")
        return answer.headers[VARIANT], said

    def close(self) -> None:
        self._connection.close()


@dataclass
class Load:
    """Some clients of one endpoint; every number may be read at any time."""

    endpoint: str
    answers: Counter[str] = field(default_factory=Counter)  # by variant: those that were answered 200
    said: Counter[str] = field(default_factory=Counter)  # by what the model said
    troubles: list[tuple[str, str]] = field(default_factory=list)  # when, and what was heard that is not 200
    slowest_s: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def of(self, *clients: Client) -> Iterator[Load]:
        """Have these clients at work."""
        threads = [threading.Thread(target=self._work, args=(each,)) for each in clients]
        for each in threads:
            each.start()
        try:
            yield self
        finally:
            self._stop.set()
            for each in threads:
                each.join(HANG_S)
            assert not any(each.is_alive() for each in threads), "a client hangs"

    def _work(self, client: Client) -> None:
        try:
            while not self._stop.wait(PAUSE_S):
                self._invoke(client)
        finally:
            client.close()

    def _invoke(self, client: Client) -> None:
        began = time.monotonic()
        try:
            variant, said = client.invoke(self.endpoint)
        except TROUBLES as error:
            self._note_trouble(error)
            return
        with self._lock:
            self.answers[variant] += 1
            self.said[said] += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def _note_trouble(self, error: Exception) -> None:
        with self._lock:
            if len(self.troubles) < TROUBLES_KEPT:
                self.troubles.append((time.strftime("%H:%M:%S", time.gmtime()), f"{type(error).__name__}: {error}"))
