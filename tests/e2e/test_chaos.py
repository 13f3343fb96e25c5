"""Instances and zones are killed as a person does it, and endpoints heal."""

from __future__ import annotations

import json
import threading

import pytest

SERVE = """#!/usr/bin/env python3
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        time.sleep(0.02)  # so that who is killed has something under way
        self.answer(body)
    def answer(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
Server(("127.0.0.1", 8080), Handler).serve_forever()
"""


@pytest.fixture
def served(account, tmp_path):
    account.model("spread", account.image(tmp_path / "image", serve=SERVE))
    account.deploy("spread", count=3)
    account.serving("spread")
    return account


def chaos(account, *arguments: str):
    done = account.clary.command("chaos", "--account", account.id, "--json", *arguments)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_an_instance_and_then_a_zone_die_and_the_endpoint_answers_all_the_while(served):
    faults: list[Exception] = []
    stop = threading.Event()

    def invoke() -> None:
        while not stop.is_set():
            try:
                assert served.invoke("spread", "well")["Body"] == "well"
            except Exception as error:  # noqa: BLE001 - the test raises it below
                faults.append(error)

    client = threading.Thread(target=invoke)
    client.start()
    try:
        status, one = chaos(served, "--endpoint", "spread", "--variant", "AllTraffic")
        assert status == 0, one
        zone = one["killed"][0]["zone"]
        status, whole_zone = chaos(served, "--zone", zone)
    finally:
        stop.set()
        client.join()
    assert status == 0, whole_zone
    assert {each["zone"] for each in whole_zone["killed"]} == {zone}
    assert len(one["killed"]) == len(whole_zone["killed"]) == 1  # three instances are spread over three zones
    assert one["killed"][0]["instance"] != whole_zone["killed"][0]["instance"]
    assert [each["endpoint"] for each in (*one["healed"], *whole_zone["healed"])] == ["spread", "spread"]
    assert max(each["seconds"] for each in (*one["healed"], *whole_zone["healed"])) < 30
    assert faults == []


def test_what_is_to_be_killed_must_be_said_and_be_there(account):
    assert account.clary.command("chaos").returncode == 2
    status, said = chaos(account, "--endpoint", "nobody")
    assert (status, said) == (1, "clary: no instance that serves fits that.\n")


def test_a_person_is_told_who_died_and_how_long_it_took(served):
    done = served.clary.command("chaos", "--account", served.id, "--endpoint", "spread")
    assert done.returncode == 0, done.stderr
    assert "Killed with SIGKILL, as if its machine had failed: 1." in done.stdout
    assert "spread was whole again after" in done.stdout


@pytest.mark.slow
def test_two_dozen_model_servers_fit_and_a_third_of_them_may_be_lost_at_once(account, tmp_path):
    account.model("spread", account.image(tmp_path / "image", serve=SERVE))
    account.deploy("spread", count=24)
    account.serving("spread")
    status, told = chaos(account, "--zone", "us-east-1c")
    assert status == 0, told
    assert len(told["killed"]) == 8
    account.eventually(lambda: account.endpoint("spread")["ProductionVariants"][0]["CurrentInstanceCount"] == 24, 30)
