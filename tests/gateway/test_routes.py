"""Workers follow the store, report what they hold, and go on without it."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import delete

from clary.gateway.routes import Follower
from clary.resources.route import ROUTE
from clary.store.records import Kind
from clary.store.schema import CHANGE

WAL_INDEX_HEADER_BYTES = 136


def report(gateway, name="gateway-0"):
    return next((each for each in gateway.store.gateways.live() if each.worker == name), None)


def invoke(gateway, body=b"1"):
    return gateway.client().invoke_endpoint(EndpointName="churn", Body=body)["Body"].read()


def test_a_worker_that_starts_knows_every_route_there_is(gateway):
    gateway.model("a")
    gateway.route("churn", "a")
    gateway.start()
    assert report(gateway).applied == gateway.store.feed.newest()
    assert invoke(gateway) == b"1"


def test_a_change_is_reported_only_once_requests_follow_it(gateway):
    gateway.model("a")
    gateway.model("b")
    gateway.start()
    for _ in range(5):
        gateway.route("churn", "a")
        assert invoke(gateway, b"pid") == b"a"
        gateway.route("churn", "b")
        assert invoke(gateway, b"pid") == b"b"


def test_a_dropped_instance_is_held_until_its_last_request_is_answered(gateway):
    model = gateway.model("a")
    gateway.model("b")
    gateway.start()
    gateway.route("churn", "a")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(invoke, gateway, b"wait 20")
        model.wait_for(1)
        gateway.route("churn", "b")
        assert report(gateway).holding == {"a"}
        assert invoke(gateway, b"pid") == b"b"
        model.gate.set()
        assert answer.result() == b"waited"
    gateway.eventually(lambda: report(gateway).holding == frozenset())


def test_an_instance_that_comes_back_while_it_is_drained_is_used_again(gateway):
    model = gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(invoke, gateway, b"wait 20")
        model.wait_for(1)
        gateway.route("churn")
        assert report(gateway).holding == {"a"}
        gateway.route("churn", "a")
        assert report(gateway).holding == frozenset()
        assert invoke(gateway) == b"1"
        model.gate.set()
        assert answer.result() == b"waited"


def test_changes_of_other_nouns_cause_no_report(gateway):
    gateway.start()
    before = report(gateway)
    gateway.store.records(gateway.account, "us-east-1").create(ROUTE, "own", {"uid": "u", "variants": []})
    gateway.applied()
    after = report(gateway)
    assert after.applied == before.applied + 1
    for number in range(20):
        gateway.store.records(gateway.account, "us-east-1").create(Kind("s3", "bucket"), f"b{number}", {})
    gateway.route("churn")
    assert report(gateway).applied == after.applied + 21


def test_a_worker_serves_on_while_the_store_cannot_be_read_and_says_so_once(gateway):
    gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    invoke(gateway)  # so that the key is known
    path = gateway.store.database.path
    gateway.store.database.close()
    for each in (path, path.with_name(f"{path.name}-wal")):
        os.truncate(each, 0)
    with path.with_name(f"{path.name}-shm").open("r+b") as index:
        index.write(bytes(WAL_INDEX_HEADER_BYTES))  # what a reader keeps in its memory is not valid any more
    gateway.store.bell.ring()
    gateway.eventually(lambda: "cannot be read" in gateway.log())
    for _ in range(10):
        gateway.store.bell.ring()
        assert invoke(gateway) == b"1"
    assert gateway.log().count("cannot be read") == 1
    gateway.credentials.access_key = "AKIANOBODYKNOWSTHIS1"
    with pytest.raises(ClientError, match="Credentials cannot be looked up"):
        invoke(gateway)


def test_a_worker_that_fell_behind_reads_everything_anew(gateway):
    gateway.model("a")
    worker = gateway.start()
    with gateway.store.database.write():  # so that it is not stopped in the midst of a report, which holds up all
        worker.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WNOWAIT)
    gateway.route("churn", "a", wait=False)
    gateway.store.records(gateway.account, "us-east-1").create(ROUTE, "late", {"uid": "u", "variants": []})
    newest = gateway.store.feed.newest()
    with gateway.store.database.write() as connection:
        connection.execute(delete(CHANGE).where(CHANGE.c.seq < newest))
    worker.send_signal(signal.SIGCONT)
    gateway.eventually(lambda: report(gateway).applied >= newest)
    assert invoke(gateway) == b"1"


def test_a_report_that_comes_after_the_end_is_for_nobody(gateway):
    follower = Follower(gateway.store, "gateway-9", lambda news: None, frozenset)
    follower.start()
    follower.stop()
    follower.report()
    assert report(gateway, "gateway-9") is None
