"""The ways in and out of an instance's network: server, API, credentials, proxy; toy servers stand at the far ends."""

from __future__ import annotations

import hashlib
import http.client
import http.server
import json
import os
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.compute.keeper import bridges
from clary.compute.keeper.egress import Refused, allowed, destination
from clary.compute.keeper.loop import Loop

ROLE = {
    "AccessKeyId": "ASIA1",
    "SecretAccessKey": "s",
    "Token": "t",
    "Expiration": "2030-01-01T00:00:00Z",
    "RoleArn": "r",
}
CALL_OUT = """
import os, urllib.error, urllib.request
def ask(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return "unreachable", str(error)
"""
SERVER = """
import http.server, os, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def address_string(self): return ""
    def do_GET(self): self.reply(b"pong " + self.path.encode())
    def do_POST(self): self.reply(self.rfile.read(int(self.headers["Content-Length"])))
    def reply(self, body):
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64  # with the usual 5 the kernel itself resets some of many clients
class PortServer(http.server.ThreadingHTTPServer):
    request_queue_size = 64
"""
ON_PORT = SERVER + "PortServer(('127.0.0.1', 8080), Handler).serve_forever()"
ON_SOCKET = SERVER + "UnixServer(os.environ['CLARY_SERVE_SOCKET'], Handler).serve_forever()"


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(str(self._path))


@pytest.fixture
def platform(folder: Path) -> Iterator[Path]:
    """Answer on a Unix socket, as the platform does: with the path and the length of the body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            digest = hashlib.sha256(self.rfile.read(length)).hexdigest() if length else ""
            body = f"platform {self.path} {length} {digest}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self) -> None:
            self.do_GET()

        def address_string(self) -> str:
            return "instance"

        def log_message(self, *_: Any) -> None:
            pass

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    with Server(str(folder / "api.sock"), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder / "api.sock"
        server.shutdown()
        thread.join()


def reached(lab: Any, name: str, path: str = "/ping") -> http.client.HTTPResponse | None:
    """Return the answer of an instance's server, or None while there is none."""
    seen = lab.backend.observe(name)
    assert not seen.ended, seen.log.read_text()
    if seen.serve_socket is None:
        return None
    connection = UnixConnection(seen.serve_socket)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer


def test_a_program_reaches_the_platform_and_its_roles_credentials(
    laboratory: Callable[..., Any], platform: Path
) -> None:
    lab = laboratory(api_socket=platform)
    program = (
        CALL_OUT
        + """
print(ask(os.environ["AWS_ENDPOINT_URL"] + "/hello"))
url, token = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
print(ask(url, Authorization=token)[1])
print(ask(url)[0], ask(url, Authorization="wrong")[0], ask(url + "/x", Authorization=token)[0])
"""
    )
    said = lab.output("a", program, credentials=ROLE).splitlines()
    assert said[0] == "(200, 'platform /hello 0 ')"
    assert json.loads(said[1]) == ROLE
    assert said[2] == "403 403 404"


def test_boto3_inside_finds_its_roles_credentials(laboratory: Callable[..., Any], platform: Path) -> None:
    lab = laboratory(api_socket=platform)
    program = (
        "import boto3; c = boto3.Session().get_credentials().get_frozen_credentials(); print(c.access_key, c.token)"
    )
    assert lab.output("a", program, credentials=ROLE).split() == ["ASIA1", "t"]


def test_credentials_are_renewed_without_the_program_noticing(laboratory: Callable[..., Any], platform: Path) -> None:
    lab = laboratory(api_socket=platform)
    program = (
        CALL_OUT
        + """
import json, time
while True:
    url, token = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    status, body = ask(url, Authorization=token)
    print(status, json.loads(body).get("AccessKeyId"), flush=True)
    if status == 200: break
    time.sleep(0.05)
"""
    )
    lab.start("a", program)
    lab.printed("a", "503 None")
    lab.backend.give_credentials("a", ROLE)
    assert lab.ended("a").log.read_text().splitlines()[-1] == "200 ASIA1"


def test_an_isolated_program_reaches_neither(laboratory: Callable[..., Any], platform: Path) -> None:
    lab = laboratory(api_socket=platform)
    program = (
        CALL_OUT
        + """
print(ask("http://127.0.0.1:4566/hello")[0], ask("http://127.0.0.1:9911/credentials")[0], ask("http://127.0.0.1:3128/")[0])
print([name for name in os.environ if name.startswith("AWS_") or "PROXY" in name])
"""
    )
    said = lab.output("a", program, isolated=True, egress=True, credentials=ROLE)
    assert said.splitlines() == ["unreachable unreachable unreachable", "[]"]


def test_a_large_body_passes_whole_and_the_keeper_stays_small(laboratory: Callable[..., Any], platform: Path) -> None:
    lab = laboratory(api_socket=platform)
    program = """
import hashlib, http.client, os, time
block = os.urandom(1 << 20); digest = hashlib.sha256()
def blocks():
    for _ in range(100): digest.update(block); yield block
c = http.client.HTTPConnection("127.0.0.1", 4566)
c.request("PUT", "/x", body=blocks(), headers={"Content-Length": str(100 << 20)})
print(c.getresponse().read().decode() == f"platform /x {100 << 20} {digest.hexdigest()}", flush=True)
time.sleep(1000)
"""
    lab.start("a", program)
    lab.printed("a", "True")
    keeper = json.loads((lab.folder / "i/a/keeper.json").read_text())["pid"]
    peak = next(line for line in Path(f"/proc/{keeper}/status").read_text().splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 24 * 1024


@pytest.mark.parametrize("program", [ON_PORT, ON_SOCKET], ids=["port 8080", "its own socket"])
def test_a_server_inside_is_reached_through_the_serve_socket(lab: Any, program: str) -> None:
    lab.start("a", program, serves=True)
    assert lab.wait(lambda: reached(lab, "a", "/x")).body == b"pong /x"
    body = os.urandom(3 << 20)
    for _ in range(2):
        connection = UnixConnection(lab.backend.observe("a").serve_socket)
        for _ in range(3):  # on one connection
            connection.request("POST", "/invocations", body=body)
            assert connection.getresponse().read() == body
        connection.close()


def test_a_programs_own_socket_takes_the_keepers_place(lab: Any) -> None:
    lab.start("a", ON_SOCKET, serves=True)
    door = lab.folder / "i/a/serve.sock"
    lab.wait(lambda: reached(lab, "a"))
    own = lab.folder / "i/a/run/serve.sock"
    lab.wait(lambda: door.stat().st_ino == own.stat().st_ino)
    assert reached(lab, "a").body == b"pong /ping"


def test_a_link_to_somebody_elses_socket_is_never_followed(lab: Any, platform: Path) -> None:
    program = f"import os; os.symlink({str(platform)!r}, '/run/clary/serve.sock')\n" + ON_PORT
    lab.start("a", program, serves=True)
    assert lab.wait(lambda: reached(lab, "a")).body == b"pong /ping"
    assert not (lab.folder / "i/a/serve.sock").is_symlink()


def test_many_clients_at_once_are_served(lab: Any) -> None:
    lab.start("a", ON_PORT, serves=True)
    lab.wait(lambda: reached(lab, "a"))
    answers: list[bytes] = []

    def ask() -> None:
        connection = UnixConnection(lab.backend.observe("a").serve_socket)
        for _ in range(5):
            connection.request("POST", "/", body=b"x" * 200_000)
            answers.append(connection.getresponse().read())
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"x" * 200_000] * 150


def test_an_unserved_port_closes_the_connection_and_costs_nothing(lab: Any) -> None:
    lab.start("a", "import time; print('up', flush=True); time.sleep(1000)", serves=True)
    lab.printed("a", "up")
    for _ in range(50):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(lab.folder / "i/a/serve.sock"))
            client.settimeout(10)
            assert client.recv(1) == b""
    keeper = json.loads((lab.folder / "i/a/keeper.json").read_text())["pid"]
    lab.wait(lambda: len(os.listdir(f"/proc/{keeper}/fd")) < 20)


def bridged(near_end: socket.socket, far_end: socket.socket) -> threading.Thread:
    """Run a bridge between two sockets in a thread until it closes."""
    for each in (near_end, far_end):
        each.settimeout(0)
    loop = Loop()
    bridges.Bridge(loop, near_end, far_end, loop.stop)
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    return thread


def test_a_half_close_passes_on_and_the_other_half_goes_on() -> None:
    (client, near), (far, server) = socket.socketpair(), socket.socketpair()
    thread = bridged(near, far)
    with client, server:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert server.recv(100) == b"question"
        assert server.recv(100) == b""
        server.sendall(b"answer")
        server.close()
        assert client.recv(100) == b"answer"
        assert client.recv(100) == b""
    thread.join(10)
    assert not thread.is_alive()


def test_an_early_answer_arrives_though_the_rest_of_the_question_is_not_read() -> None:
    (client, near), (far, server) = socket.socketpair(), socket.socketpair()
    thread = bridged(near, far)
    with client, server:
        client.setblocking(False)
        sent = 0
        for _ in range(100):
            try:
                sent += client.send(bytes(65536))
            except BlockingIOError:
                break
        assert sent > 65536
        server.sendall(b"413 too large")
        server.close()
        client.setblocking(True)
        client.settimeout(10)
        assert client.recv(100) == b"413 too large"
        assert client.recv(100) == b""
    thread.join(10)
    assert not thread.is_alive()


def test_a_slow_reader_makes_the_writer_wait() -> None:
    (client, near), (far, server) = socket.socketpair(), socket.socketpair()
    thread = bridged(near, far)
    with client, server:
        client.settimeout(0)
        sent, quiet_since = 0, time.monotonic()
        while time.monotonic() - quiet_since < 0.2:
            try:
                sent += client.send(bytes(65536))
                quiet_since = time.monotonic()
            except BlockingIOError:
                continue
        assert sent < 2 << 20
        client.shutdown(socket.SHUT_WR)
        received = 0
        while chunk := server.recv(1 << 20):
            received += len(chunk)
        assert received == sent
    thread.join(10)


def test_the_way_out_refuses_this_machine(lab: Any) -> None:
    program = """
import os, urllib.error, urllib.request
print(os.environ["HTTPS_PROXY"])
opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": os.environ["HTTP_PROXY"]}))
for address in ("127.0.0.1:80", "169.254.169.254", "[::1]:80", "0.0.0.0:80"):
    try:
        print(opener.open(f"http://{address}/", timeout=60).status)
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode())
"""
    said = lab.output("a", program, egress=True, environment={"no_proxy": "", "NO_PROXY": ""})
    assert said.splitlines()[0] == "http://127.0.0.1:3128"
    assert said.count("403 ") == 4


def test_the_proxy_reads_requests_as_rfc_9112_writes_them() -> None:
    assert destination(b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: x") == ("pypi.org", 443, None)
    host, port, head = destination(b"GET http://a.b/c?d HTTP/1.1\r\nHost: a.b\r\nProxy-Connection: x")
    assert (host, port) == ("a.b", 80)
    assert head == b"GET /c?d HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n"
    assert destination(b"CONNECT [2001:db8::1]:8443 HTTP/1.1")[:2] == ("2001:db8::1", 8443)
    for wrong in (b"GET / HTTP/1.1", b"CONNECT a:b HTTP/1.1", b"CONNECT :1 HTTP/1.1", b"", b"GET https://a/ HTTP/1.1"):
        with pytest.raises(Refused):
            destination(wrong)


@pytest.mark.parametrize(
    ("address", "may"),
    [("8.8.8.8", True), ("10.1.2.3", True), ("127.0.0.2", False), ("169.254.169.254", False), ("::1", False),
     ("::ffff:127.0.0.1", False), ("fe80::1%eth0", False), ("224.0.0.1", False), ("2001:4860:4860::8888", True)],
)  # fmt: skip
def test_the_proxy_keeps_to_other_machines(address: str, may: bool) -> None:
    assert allowed(address) is may


def test_a_killed_keeper_leaves_no_proxy(lab: Any) -> None:
    lab.start("a", "import time; print('up', flush=True); time.sleep(1000)", egress=True)
    lab.printed("a", "up")
    keeper = json.loads((lab.folder / "i/a/keeper.json").read_text())["pid"]
    children = [int(pid) for pid in Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()]
    assert len(children) == 2
    os.kill(keeper, signal.SIGKILL)
    lab.wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_what_lies_where_the_socket_should_be_is_not_taken_over(folder: Path) -> None:
    (folder / "file").write_text("x")
    assert not bridges.take_over(str(folder / "file"), str(folder / "door"))
    assert not bridges.take_over(str(folder / "nothing"), str(folder / "door"))
    assert os.listdir(folder) == ["file"]
