"""The plugin, in real clients of every botocore that Clary is tested with, against a server that records."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ProxyConnectionError

from clary_plugin import clary_botocore

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "src" / "clary_plugin"
CLIENTS = ROOT / ".venv" / "clients"
PINNED_STS = "https://sts.us-east-1.amazonaws.com"
PINNED_S3 = "https://s3.us-east-1.amazonaws.com"
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/ada</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@dataclass
class Recorder:
    """An HTTP server that answers every POST with a caller identity and remembers the headers it was sent."""

    url: str
    requests: list[Message] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


class recording:  # noqa: N801 - used as a function in a with statement
    """A recorder that listens on a free port of loopback while the block runs."""

    def __enter__(self) -> Recorder:
        recorder = Recorder("")

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                recorder.requests.append(self.headers)
                self.send_response(200)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(IDENTITY)))
                self.end_headers()
                self.wfile.write(IDENTITY.encode())

            def log_message(self, *_: object) -> None:
                """Stay silent: what was asked stands in the recorder."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        recorder.url = f"http://127.0.0.1:{self.http.server_port}"
        return recorder

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def environment(endpoint: str) -> dict[str, str]:
    """Answer what a user sets so that unchanged clients talk to `endpoint`."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
        "BOTOCORE_EXPERIMENTAL__PLUGINS": "clary=clary_botocore",
    }


@pytest.fixture
def configured(server: Recorder, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Set this process up as a user's would be, with the plugin's folder on the path."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment(server.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(PLUGIN))
    return server


def make(service: str, endpoint: str | None = None) -> Any:
    return botocore.session.Session().create_client(service, endpoint_url=endpoint)


def test_a_proxy_on_the_way_to_aws_is_passed_by_where_the_endpoint_needs_none(
    configured: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert make("sts", PINNED_STS).get_caller_identity()["Account"] == "123456789012"
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ProxyConnectionError):
        make("sts", PINNED_STS).get_caller_identity()


def test_a_client_pinned_to_aws_talks_to_the_configured_endpoint_and_signs_for_its_host(configured: Recorder) -> None:
    answer = make("sts", PINNED_STS).get_caller_identity()
    assert answer["Account"] == "123456789012"
    (request,) = configured.requests
    assert "http://" + request["Host"] == configured.url
    assert "/us-east-1/sts/aws4_request" in request["Authorization"]
    assert "host" in request["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")


def test_a_client_without_an_endpoint_of_its_own_talks_to_the_configured_endpoint(configured: Recorder) -> None:
    make("sts").get_caller_identity()
    assert len(configured.requests) == 1


def test_a_client_given_another_endpoint_is_left_alone(configured: Recorder) -> None:
    with recording() as other:
        make("sts", other.url).get_caller_identity()
    assert (len(other.requests), len(configured.requests)) == (1, 0)


@pytest.mark.parametrize(
    "pinned",
    [
        PINNED_S3,
        "https://s3.cn-north-1.amazonaws.com.cn",
        "https://S3.eu-west-1.AMAZONAWS.com",
        "https://s3.us-east-1.api.aws",
    ],
)
def test_a_presigned_url_of_a_pinned_client_names_the_configured_endpoint(configured: Recorder, pinned: str) -> None:
    url = make("s3", pinned).generate_presigned_url("get_object", Params={"Bucket": "box", "Key": "a/b"})
    assert url.startswith(f"{configured.url}/box/a/b?")


@pytest.mark.parametrize(
    "own", ["https://amazonaws.com.example.org", "https://notamazonaws.com", "http://localhost:9000"]
)
def test_a_host_that_only_looks_like_one_of_aws_is_left_alone(configured: Recorder, own: str) -> None:
    url = make("s3", own).generate_presigned_url("get_object", Params={"Bucket": "box", "Key": "a"})
    assert url.startswith(own + "/box/a?")


def test_the_endpoint_of_one_service_goes_before_the_general_one(
    configured: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording() as own:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", own.url)
        make("sts", PINNED_STS).get_caller_identity()
    assert (len(own.requests), len(configured.requests)) == (1, 0)


@pytest.mark.parametrize(("name", "value"), [("AWS_ENDPOINT_URL", ""), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")])
def test_a_pinned_client_stays_pinned_when_no_endpoint_is_configured(
    configured: Recorder, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    url = make("s3", PINNED_S3).generate_presigned_url("get_object", Params={"Bucket": "box", "Key": "a"})
    assert url.startswith(PINNED_S3)


def test_a_botocore_that_has_changed_costs_one_line_on_stderr_and_breaks_nothing(
    configured: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    clary_botocore.warn_once.cache_clear()
    clary_botocore.initialize_client_plugin(object())
    clary_botocore.initialize_client_plugin(object())
    clary_botocore.redirection(configured.url)(builtins={})
    clary_botocore.redirection(configured.url)(renamed={})
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" AWS_ENDPOINT_URL: ")[2].partition(":")[0] for line in lines] == [
        "AttributeError",
        "KeyError",
        "TypeError",
    ]


BOTO3 = f"""import boto3
assert boto3.client("sts", endpoint_url="{PINNED_STS}").get_caller_identity()["Account"] == "123456789012"
"""
SDK2 = """from sagemaker import Session
assert Session(default_bucket="box").account_id() == "123456789012"
"""
SDK3 = """from sagemaker.core.helper.session_helper import Session
assert Session(default_bucket="box").account_id() == "123456789012"
"""


@pytest.mark.parametrize(
    ("client", "arguments"),
    [
        # The CLI pins nothing, and creates its clients in a way that loads no plugin: it must not be disturbed.
        ("awscli", ["-m", "awscli", "sts", "get-caller-identity"]),
        # Importing the SDKs takes most of the time; tests/e2e/test_sdks.py has them reach STS in every run.
        pytest.param("sagemaker2", ["-c", SDK2], marks=pytest.mark.slow),
        pytest.param("sagemaker3", ["-c", SDK3], marks=pytest.mark.slow),
        ("", ["-c", BOTO3]),
    ],
)
def test_real_clients_ask_the_configured_endpoint_who_they_are(
    server: Recorder, client: str, arguments: list[str]
) -> None:
    python = CLIENTS / client / "bin" / "python" if client else Path(sys.executable)
    if not python.exists():
        pytest.skip(f"{python} is not there: run tests/e2e/environments/install.py {client}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [python, *arguments],
        env=kept | environment(server.url) | {"PYTHONPATH": str(PLUGIN)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 1
    assert "clary_botocore" not in done.stderr
