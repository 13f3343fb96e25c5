"""S3 over HTTP for real boto3: requests are authenticated, authorised and answered as the server does it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from clary.core.settings import load
from clary.server.access import Authenticator
from clary.server.handle import Front
from clary.server.internal import InternalCaller
from clary.server.perform import Performer
from clary.server.registry import Registry
from clary.services import s3
from clary.services.iam.bootstrap import CREDENTIALS, bootstrap
from clary.services.iam.principals import Principals
from clary.services.operation import Platform
from clary.store.store import Store, open_store
from clary.wire.message import Headers, Request
from clary.wire.models import Models
from clary.wire.service_index import ServiceIndex


@dataclass
class Body:
    """A body of known length on a connection."""

    file: Any
    left: int

    @property
    def length(self) -> int | None:
        return self.left

    def read(self, n: int = -1) -> bytes:
        data: bytes = self.file.read(self.left if n < 0 else min(n, self.left))
        self.left -= len(data)
        return data


@dataclass(frozen=True)
class World:
    """A running S3, and how to reach it."""

    store: Store
    url: str
    credentials: dict[str, str]

    def client(self, **config: Any) -> Any:
        """Return a boto3 client of S3."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=self.credentials["region"],
            aws_access_key_id=self.credentials["access_key_id"],
            aws_secret_access_key=self.credentials["secret_access_key"],
            config=Config(retries={"total_max_attempts": 1}, **config),
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home: Path = tmp_path_factory.mktemp("home")
    settings = load({"home": home}, {})
    with closing(open_store(settings)) as store:
        bootstrap(store, settings)
        registry = Registry(Models(), ServiceIndex.read(), {"s3": s3.operations(Platform(store, settings))})
        principals = Principals(store, store.clock)
        caller = InternalCaller(Performer(store, registry, store.clock), principals)
        front = Front(
            caller.performer,
            Authenticator(principals, store.clock),
            caller,
            settings.request_bytes_max,
            metrics=lambda _: None,
        )
        with _serving(front.handle) as url:
            yield World(store, url, json.loads((home / CREDENTIALS).read_text()))


@contextmanager
def _serving(handle: Callable[[Request], Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            path, _, query = self.path.partition("?")
            length = int(self.headers.get("content-length") or 0)
            body = Body(self.rfile, length)
            sent: Any = body.read() if length <= 1024 * 1024 else body
            response = handle(Request(self.command, path, query, Headers(self.headers.items()), sent))
            self.close_connection = isinstance(sent, Body) and sent.left > 0
            self.send_response(response.status)
            for name, value in response.headers:
                self.send_header(name, value)
            if "content-length" not in {name.lower() for name, _ in response.headers}:
                self.send_header("content-length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD" and response.status != 304:
                for piece in [response.body] if isinstance(response.body, bytes) else response.body:
                    self.wfile.write(piece)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 - http.server looks them up by these names

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
