"""Servers beside Clary: how they are started, asked, and told apart from those that do not serve."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from inference import load, servers
from inference.hosted import rows
from inference.peers.catalogue import PEERS
from inference.servers import BARE_ONNX, BARE_XGBOOST, NotServed, Server, serving

LOCKS = Path(__file__).parents[3] / "requirements"
PROGRAMS = Path(servers.__file__).parent / "peers"
HALF = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Half(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0
    def do_POST(self):
        Half.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if Half.asked % 2 else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Half).serve_forever()
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give an environment with a Python."""
    programs = tmp_path / "bench-here" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs.parent / servers.INSTALLED).touch()
    monkeypatch.setattr(servers, "ENVIRONMENTS", tmp_path)
    return "bench-here"


@pytest.mark.parametrize("server", [BARE_XGBOOST, BARE_ONNX, *PEERS], ids=lambda each: each.name)
def test_a_server_gets_the_whole_row_under_the_path_it_serves(server: Server) -> None:
    row = rows(1, 3)[0]
    head, _, body = server.form.request(8080, row).partition(b"\r\n\r\n")
    told = json.loads(body if server.form.media == "application/json" else b"[%b]" % body)
    numbers = [float(each) for each in row.split(",")]
    assert str(numbers)[1:-1] in json.dumps(told)
    assert head.startswith(f"POST {server.form.path} HTTP/1.1\r\n".encode())
    assert b"Content-Length: %d" % len(body) in head


@pytest.mark.parametrize("server", PEERS, ids=lambda each: each.name)
def test_a_peer_is_pinned_with_the_xgboost_of_the_floor_and_its_programs_are_here(server: Server) -> None:
    pins = {lock: (LOCKS / f"{lock}.lock").read_text().splitlines() for lock in ("bench", server.environment)}
    (xgboost,) = (line for line in pins["bench"] if line.startswith("xgboost-cpu=="))
    assert xgboost in pins[server.environment]
    for part in (*server.command, *server.prepare):
        assert not part.startswith("{here}/") or (PROGRAMS / part.removeprefix("{here}/")).exists()


def test_a_server_that_is_not_installed_is_skipped_with_the_remedy(tmp_path: Path, environment: str) -> None:
    absent = Server("litserve", "bench-litserve", ("python",))
    with pytest.raises(NotServed, match="make bench-peers PEER=litserve"), serving(absent, tmp_path, tmp_path / "x"):
        pass
    without = Server("sagemaker nginx", environment, ("python",), program="nginx-that-nobody-has")
    with pytest.raises(NotServed, match="nginx-that-nobody-has is not"), serving(without, tmp_path, tmp_path / "x"):
        pass


def test_a_server_that_ends_is_told_with_the_end_of_its_log(tmp_path: Path, environment: str) -> None:
    broken = Server("broken", environment, ("python", "-c", "raise SystemExit('no such model: {model}')"))
    with pytest.raises(NotServed, match="no such model: trees"), serving(broken, Path("trees"), tmp_path / "x"):
        pass


@pytest.mark.skipif(not shutil.which("wrk"), reason="this needs wrk")
def test_requests_that_fail_are_counted_and_end_nothing(tmp_path: Path, environment: str) -> None:
    half = Server("half", environment, ("python", "-c", HALF, "{ports[0]}"))
    with serving(half, tmp_path, tmp_path / "x") as target:
        seen = load.burst(target, target.requests(), 2, 1)
    assert 0.3 < seen.failed / (seen.failed + seen.answered) < 0.7
    assert seen.total_us > 0
    gone = load.burst(target, target.requests(), 2, 1)  # nobody listens any more
    assert gone.answered == 0
    assert gone.failed
