"""A real gateway: a store, sockets, worker processes, model servers and clients that sign."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from clary.core import handoff
from clary.core.origins import is_secure
from clary.core.settings import load
from clary.gateway import certificates
from clary.resources.route import ROUTE, Route, RoutedInstance, RoutedShadow, RoutedVariant
from clary.services.iam.bootstrap import bootstrap
from clary.store.records import Change
from clary.store.store import open_store

T = TypeVar("T")
HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
REGION = "us-east-1"
PATIENCE_S = 60.0
"""How long is waited for what must come; that it comes is what is claimed, not how soon."""


def eventually(claim: Callable[[], T], deadline_s: float = PATIENCE_S) -> T:
    """Return what `claim` returns as soon as that is true; fail when the time is over."""
    ends = time.monotonic() + deadline_s
    while not (told := claim()):
        assert time.monotonic() < ends, "it did not become true in time"
        time.sleep(0.01)
    return told


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        model = self.server.model
        model.note(self, body)
        if model.hangs:
            model.gate.wait(30)
        if model.broken:
            self._answer(503, b"broken")
            return
        verb, _, rest = body.partition(b" ")
        act = getattr(self, f"do_{verb.decode('latin-1')}", None)
        if act is not None and verb.isalpha():
            act(rest)
        else:
            self._answer(200, body)

    def do_status(self, rest: bytes) -> None:
        status, _, text = rest.partition(b" ")
        self._answer(int(status), text)

    def do_wait(self, rest: bytes) -> None:
        self.server.model.gate.wait(float(rest or b"10"))
        self._answer(200, b"waited")

    def do_pid(self, rest: bytes) -> None:
        self._answer(200, self.server.model.name.encode())

    def do_headers(self, rest: bytes) -> None:
        self._answer(200, json.dumps({name.lower(): value for name, value in self.headers.items()}).encode())

    def do_die(self, rest: bytes) -> None:
        self.close_connection = True

    def do_kill(self, rest: bytes) -> None:
        if rest == self.server.model.name.encode():
            self.close_connection = True
        else:
            self._answer(200, self.server.model.name.encode())

    def do_dieonce(self, rest: bytes) -> None:
        if self.server.model.requests.count(b"dieonce") == 1:
            self.close_connection = True
        else:
            self._answer(200, b"dieonce")

    def do_garbage(self, rest: bytes) -> None:
        self.wfile.write(b"this is not HTTP\r\n\r\n")
        self.close_connection = True

    def do_chunks(self, rest: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in rest.split():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def do_drip(self, rest: bytes) -> None:
        """Answer in pieces, of which all but the first wait for the gate."""
        first, *others = rest.split()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/drops\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.wfile.write(b"%x\r\n%b\r\n" % (len(first), first))
        self.server.model.gate.wait(30)
        for piece in others:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def do_torn(self, rest: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(rest), rest))
        self.close_connection = True

    def do_flood(self, rest: bytes) -> None:
        """Answer so many chunks of 64 KiB, as fast as they are taken; `model.flooded` tells how far it has come."""
        model = self.server.model
        model.flooded = 0
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for number in range(int(rest)):
                self.wfile.write(b"10000\r\n%b\r\n" % (b"%08d" % number * 8192))
                model.flooded += 1
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            model.left.set()
            self.close_connection = True

    def do_unframed(self, rest: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + rest)
        self.close_connection = True

    def do_early(self, rest: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        self._answer(200, rest)

    def do_half(self, rest: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        self.close_connection = True

    def do_large(self, rest: bytes) -> None:
        self._answer(200, b"x" * int(rest))

    def do_close(self, rest: bytes) -> None:
        """Answer as if the connection went on, and close it."""
        self._answer(200, b"closing")
        self.close_connection = True

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", self.headers.get("content-type", "text/plain"))
        if "x-amzn-sagemaker-custom-attributes" in self.headers:
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", self.headers["x-amzn-sagemaker-custom-attributes"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 512

    def get_request(self) -> tuple[socket.socket, str]:
        connection, _ = super().get_request()
        self.model.connections.append(connection)
        return connection, "unix"

    def handle_error(self, *_: object) -> None:
        pass


class Model:
    """A running model server; `requests` are the bodies that arrived."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.path = folder / f"{name}.sock"
        self.requests: list[bytes] = []
        self.connections: list[socket.socket] = []
        self.broken = False  # answers 503
        self.hangs = False
        self.gate = threading.Event()
        self.left = threading.Event()  # by whoever was being answered
        self.flooded = 0
        self.arrived = threading.Condition()
        self._server = Server(str(self.path), Handler)
        self._server.model = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def note(self, handler: Handler, body: bytes) -> None:
        with self.arrived:
            self.requests.append(body)
            self.arrived.notify_all()

    def wait_for(self, count: int, deadline_s: float = PATIENCE_S) -> None:
        """Return once so many requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, deadline_s)

    def stop(self) -> None:
        """End as a process that dies: the listener and every connection close."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._sever()
        self.gate.set()

    def kill(self) -> None:
        """End all connections at once, before anything can be answered, and the listener."""
        self._server.server_close()
        self._sever()
        self.stop()

    def _sever(self) -> None:
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class Gateway:
    """What tests see of a gateway."""

    script = HERE / "serve.py"

    def __init__(self, folder: Path, **flags: Any) -> None:
        self.folder = folder
        self.settings = load({"home": str(folder / "home"), **flags}, {})
        self.flags = flags
        self.store = open_store(self.settings)
        certificates.prepare(self.settings, datetime.now(UTC))
        self.account = bootstrap(self.store, self.settings)
        told = json.loads((self.settings.home / "credentials.json").read_text())
        self.credentials = Credentials(told["access_key_id"], told["secret_access_key"])
        self.tcp = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.tcp.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.platform = _listen(self.settings.platform_socket)
        self.invocations = _listen(self.settings.run / "invocations.sock")
        self.api = _listen(self.settings.handoff_socket)
        self.models: dict[str, Model] = {}
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, name: str = "gateway-0", *, program: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start a worker, as another program if need be, and return once it is on the register."""
        listeners = [each.fileno() for each in (self.tcp, self.platform, self.invocations)]
        flags = {f"CLARY_{key.upper()}": str(value) for key, value in self.flags.items()}
        before = self.seen(name)
        with (self.folder / f"{name}.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, *(program or [str(self.script)]), str(self.settings.home), name, *map(str, listeners)],
                pass_fds=listeners, env={**os.environ, **flags, "PYTHONPATH": str(SOURCE)}, stderr=log,
            )  # fmt: skip
        self.workers.append(worker)
        eventually(lambda: worker.poll() is not None or self.seen(name) > before)
        assert worker.poll() is None, self.log(name)
        return worker

    def patched(self, *statements: str) -> list[str]:
        """Return the program of a worker that begins with these statements."""
        first = "\n".join(("import runpy", *statements))
        return ["-c", f"{first}\nrunpy.run_path({str(self.script)!r}, run_name='__main__')"]

    def seen(self, name: str) -> float:
        return max((each.seen for each in self.store.gateways.live() if each.worker == name), default=0.0)

    def log(self, name: str = "gateway-0") -> str:
        return (self.folder / f"{name}.log").read_text()

    def model(self, name: str) -> Model:
        self.models[name] = Model(self.folder, name)
        return self.models[name]

    def route(self, endpoint: str, *instances: str, wait: bool = True, **more: Any) -> int:
        """Lead an endpoint to these instances; return the change's number once every worker applied it."""
        return self.publish(endpoint, RoutedVariant("AllTraffic", 1.0, self.led(*instances), **more), wait=wait)

    def led(self, *instances: str) -> tuple[RoutedInstance, ...]:
        return tuple(RoutedInstance(name, self.folder / f"{name}.sock") for name in instances)

    def publish(
        self, endpoint: str, *variants: RoutedVariant, shadows: tuple[RoutedShadow, ...] = (), wait: bool = True
    ) -> int:
        spec = Route(self.account, REGION, endpoint, "e1", variants, shadows).spec()
        records = self.store.records(self.account, REGION)
        found = records.find(ROUTE, endpoint)
        if found is None:
            records.create(ROUTE, endpoint, spec)
        else:
            records.update(found, Change(spec=spec))
        return self.applied(wait=wait)

    def applied(self, *, wait: bool = True) -> int:
        newest = self.store.feed.newest()
        if wait:
            eventually(lambda: all(each.applied >= newest for each in self.store.gateways.live()))
        return newest

    def client(self, **more: Any) -> Any:
        """Return a boto3 client of the runtime that does not retry."""
        config = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_S, connect_timeout=PATIENCE_S)
        return boto3.client(
            "sagemaker-runtime", region_name=REGION, endpoint_url=self.url, config=config,
            aws_access_key_id=self.credentials.access_key, aws_secret_access_key=self.credentials.secret_key, **more,
        )  # fmt: skip

    def signed(self, body: bytes = b"1,2", endpoint: str = "churn", path: str = "", **headers: str) -> bytes:
        """Return the bytes of a signed invocation."""
        path = path or f"/endpoints/{endpoint}/invocations"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest("POST", f"http://127.0.0.1:{self.port}{path}", data=body, headers=named)
        SigV4Auth(self.credentials, "sagemaker", REGION).add_auth(request)
        fields = {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body)), **dict(request.headers.items())}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body

    def eventually(self, claim: Callable[[], T], deadline_s: float = PATIENCE_S) -> T:
        return eventually(claim, deadline_s)

    def exchange(self, *requests: bytes) -> bytes:
        """Send bytes on a new connection and return all that comes until the gateway closes it."""
        with self.connect() as connection:
            for each in requests:
                connection.sendall(each)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(PATIENCE_S)
        return connection

    @contextmanager
    def secured(
        self, *protocols: str, name: str = "localhost", versions: tuple[ssl.TLSVersion, ...] = ()
    ) -> Iterator[ssl.SSLSocket]:
        """Give a connection that speaks TLS, and offers these protocols in it."""
        context = ssl.create_default_context(cafile=str(self.settings.ca_bundle))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        if versions:
            context.minimum_version, context.maximum_version = min(versions), max(versions)
        if protocols:
            context.set_alpn_protocols(protocols)
        with self.connect() as plain, context.wrap_socket(plain, server_hostname=name) as connection:
            yield connection

    def answering_api(self) -> closing[Api]:
        """Return what stands for the api while it is open."""
        return closing(Api(self))

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
            worker.wait()
        for model in self.models.values():
            model.stop()
        for each in (self.tcp, self.platform, self.invocations, self.api):
            each.close()
        self.store.close()


class Api:
    """Takes connections as the api does, in a thread; answers each with its path, and hands invocations back."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.taken = []
        self.open = 0  # connections
        self.secure = []  # whether each came over TLS
        self._stop = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        self._ready.wait()

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self):
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        tasks = set()

        def adopt(connection, pending):
            self.taken.append(pending)
            self.open += 1
            self.secure.append(is_secure(connection))
            task = asyncio.create_task(self._serve(connection, bytearray(pending)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(self._closed)

        stop = handoff.accept(self.gateway.api, adopt)
        self._ready.set()
        await self._stop.wait()
        stop()
        for task in tasks:
            task.cancel()

    def _closed(self, _):
        self.open -= 1

    async def _serve(self, connection, buffer):
        loop = asyncio.get_running_loop()
        with connection:
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = await loop.sock_recv(connection, 65536)
                    if not data:
                        return
                    buffer += data
                head, _, rest = bytes(buffer).partition(b"\r\n\r\n")
                path = head.split()[1]
                if path.endswith(b"/invocations"):
                    invocations = self.gateway.settings.run / "invocations.sock"
                    await handoff.hand_over(invocations, connection, bytes(buffer))
                    return
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
                )
                while len(rest) < length:
                    rest += await loop.sock_recv(connection, 1 << 20)
                del buffer[:]
                buffer += rest[length:]
                told = b"%b %d" % (path, length)
                await loop.sock_sendall(connection, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(512)
    return listener


@contextmanager
def _opened(blank_home: Path, **flags: Any) -> Iterator[Gateway]:
    folder = Path(tempfile.mkdtemp(prefix="cl", dir="/tmp"))
    shutil.copytree(blank_home, folder / "home")
    gateway = Gateway(folder, **flags)
    try:
        yield gateway
    finally:
        gateway.close()
        shutil.rmtree(folder)


@pytest.fixture
def gateway(request: pytest.FixtureRequest, blank_home: Path) -> Iterator[Gateway]:
    """Give a gateway without workers; an indirect parameter is its settings."""
    with _opened(blank_home, **getattr(request, "param", {})) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def running(blank_home: Path) -> Iterator[Gateway]:
    """Give a gateway with one worker and the endpoint `churn`, which leads to the model `a`; it is shared."""
    with _opened(blank_home, invocation_bytes_max=1_000_000, tls=True) as gateway:
        gateway.model("a")
        gateway.start()
        gateway.route("churn", "a")
        yield gateway


@pytest.fixture
def api(running: Gateway) -> Iterator[Api]:
    """Give what stands for the api of the gateway that is shared."""
    with running.answering_api() as api:
        yield api
