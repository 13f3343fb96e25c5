"""Many endpoints, many keys, many clients: what one request costs, and what one client feels, stays the same."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import statistics
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from clary.core.ids import aws_id
from clary.resources.route import ROUTE, Route, RoutedVariant
from clary.services.iam.identities import create_access_key
from clary.services.iam.kinds import ACCESS_KEY, ACCESS_KEY_PURPOSE, USER
from clary.store.records import Change

ENDPOINTS, KEYS, USERS = 1_000, 10_000, 100
IDLE, SLOW, DEAF = 2_000, 500, 60
MEMORY_MB_MAX = 120
BURSTS = 50
REGION = "us-east-1"
SECRET = "s" * 40
CLOCK = 2  # clock_getcpuclockid(3): the number of a process's CPU clock is `~pid << 3 | 2`

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def invoked(gateway, requests):
    """Send requests one after the other on one connection; return the seconds that each took."""
    took = []
    with gateway.connect() as connection:
        for request in requests:
            began = time.monotonic()
            connection.sendall(request)
            answer = connection.recv(65536)
            took.append(time.monotonic() - began)
            assert answer.startswith(b"HTTP/1.1 200 "), answer
    return took


@contextmanager
def apart(worker):
    """Keep the worker on one core and its clients on the others: a wake-up costs nearly twice on a shared one."""
    cores = os.sched_getaffinity(0)
    own, others = {min(cores)}, cores - {min(cores)} or cores
    for pid, which in ((worker.pid, own), (0, others)):
        affine(pid, which)
    try:
        yield
    finally:
        for pid in (worker.pid, 0):
            affine(pid, cores)


def affine(pid, cores):
    for thread in os.listdir(f"/proc/{pid or os.getpid()}/task"):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), cores)


def cpu_us(*kinds):
    """Return the least CPU that a request of each kind cost its gateway's worker, over several bursts in turns."""
    found = [[burst_us(*kind) for kind in kinds] for _ in range(BURSTS)]
    return map(min, zip(*found, strict=True))


def burst_us(gateway, requests):
    (worker,) = gateway.workers
    with apart(worker):
        before = time.clock_gettime(~worker.pid << 3 | CLOCK)
        invoked(gateway, requests)
        return (time.clock_gettime(~worker.pid << 3 | CLOCK) - before) / len(requests) * 1e6


def memory_mb(worker):
    lines = Path(f"/proc/{worker.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) / 1024


def add_endpoints(gateway, count):
    records = gateway.store.records(gateway.account, REGION)
    for number in range(count):
        variant = RoutedVariant("v", 1.0, gateway.led("a"))
        records.create(ROUTE, f"e{number}", Route(gateway.account, REGION, f"e{number}", "u", (variant,)).spec())
    gateway.eventually(lambda: gateway.store.gateways.live())
    gateway.applied()


def add_user(gateway, name):
    spec = {"UserName": name, "Path": "/", "Attached": [], "Boundary": "", "Groups": [], "Tags": {}}
    allowed = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sagemaker:*","Resource":"*"}}'
    records = gateway.store.records(gateway.account, "")
    return records.create(USER, name, {**spec, "Inline": {"p": allowed}}, status={"Id": aws_id("AIDA")})


def add_keys(gateway, count):
    """Return so many keys of as many users as there are; their secret is sealed once, which is slow on purpose."""
    users = [add_user(gateway, f"u{number}") for number in range(USERS)]
    records = gateway.store.records(gateway.account, "")
    sealed = base64.b64encode(gateway.store.sealer.seal(SECRET.encode(), ACCESS_KEY_PURPOSE)).decode()
    keys = []
    for number in range(count):
        user = users[number % USERS]
        spec = {"UserName": user.spec["UserName"], "Secret": sealed}
        record = records.create(ACCESS_KEY, aws_id("AKIA", 20), spec, state="Active", parent=user.uid)
        keys.append(Credentials(record.name, SECRET))
    return keys


def signed_by(gateway, credentials, endpoint, body=b"1,2"):
    own, gateway.credentials = gateway.credentials, credentials
    try:
        return gateway.signed(body, endpoint=endpoint)
    finally:
        gateway.credentials = own


def test_a_thousand_endpoints_and_ten_thousand_keys_cost_a_request_nothing_and_little_memory(gateway, running):
    gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    add_endpoints(gateway, ENDPOINTS)
    keys = add_keys(gateway, KEYS)
    invoked(gateway, [signed_by(gateway, key, f"e{place % ENDPOINTS}") for place, key in enumerate(keys)])
    several = [signed_by(gateway, key, f"e{place * 7 % ENDPOINTS}") for place, key in enumerate(keys[::20])]
    lone, same = ([each.signed(b"%d" % number) for number in range(500)] for each in (running, gateway))
    few, one, many = cpu_us((running, lone), (gateway, same), (gateway, several))
    used = memory_mb(worker)
    print(f"CPU us a request: alone {few:.0f}, the same among many {one:.0f}, all different {many:.0f}; {used:.0f} MB")
    assert one < 1.5 * few
    assert many < 3 * few, "each request is of another key and endpoint than the one before on its connection"
    assert used < MEMORY_MB_MAX


def test_a_body_of_six_megabytes_costs_little_more_than_its_hash(gateway):
    gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    body = b"status 200 " + b"x" * (6 * 2**20 - 11)
    request = gateway.signed(body)
    hashed, took = [], []
    with gateway.connect() as connection:
        for _ in range(20):
            before = time.clock_gettime(~worker.pid << 3 | CLOCK)
            connection.sendall(request)
            received = len(connection.recv(65536))
            while received < len(body) - 11:
                received += len(connection.recv(2**20))
            took.append(time.clock_gettime(~worker.pid << 3 | CLOCK) - before)
            before = time.process_time()
            hashlib.sha256(body).digest()
            hashed.append(time.process_time() - before)
    print(f"{min(took) * 1e3:.1f} ms for request and answer; SHA-256 of one of them {min(hashed) * 1e3:.1f} ms")
    assert min(took) < 6 * min(hashed)


def test_a_change_of_routes_reaches_every_worker_within_a_tenth_of_a_second(gateway):
    gateway.model("a")
    for number in range(2):
        gateway.start(f"gateway-{number}")
    add_endpoints(gateway, ENDPOINTS)
    took = []
    for number in range(20):
        began = time.monotonic()
        gateway.route("churn", *(["a"] if number % 2 else []))
        took.append(time.monotonic() - began)
    print(f"a change is applied after {statistics.median(took) * 1000:.0f} ms, {max(took) * 1000:.0f} ms at most")
    assert statistics.median(took) < 0.1


def until_refused(gateway, credentials, change):
    """Make a change; return the seconds until a request is refused."""
    with gateway.connect() as connection:

        def refused():
            connection.sendall(signed_by(gateway, credentials, "churn"))
            return not connection.recv(65536).startswith(b"HTTP/1.1 200 ")

        assert not refused()
        change()
        began = time.monotonic()
        while not refused():
            assert time.monotonic() < began + 10
        return time.monotonic() - began


def test_a_revoked_key_or_a_changed_policy_stops_working_within_a_second(gateway):
    gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    records = gateway.store.records(gateway.account, "")
    took = []
    for number in range(5):
        user = add_user(gateway, f"u{number}")
        record, secret = create_access_key(records, gateway.store.sealer, user)
        credentials = Credentials(record.name, secret)
        denied = Change(spec={**user.spec, "Inline": {}})
        took.append(until_refused(gateway, credentials, lambda user=user, denied=denied: records.update(user, denied)))
        record, secret = create_access_key(records, gateway.store.sealer, add_user(gateway, f"v{number}"))
        gone = records.find(ACCESS_KEY, record.name)
        took.append(until_refused(gateway, Credentials(record.name, secret), lambda gone=gone: records.remove(gone)))
    print(f"after {max(took) * 1000:.0f} ms at most")
    assert max(took) < 1


class Trickle(threading.Thread):
    """Clients that send and read a byte now and then, all in one thread."""

    def __init__(self, connections, request):
        super().__init__()
        self.connections, self.request = connections, request
        self.stop = threading.Event()

    def run(self):
        for at in range(len(self.request) - 1):  # the last byte never comes
            for connection in self.connections:
                connection.send(self.request[at : at + 1])
            if self.stop.wait(0.02):
                return


def descriptors(worker):
    return len(list(Path(f"/proc/{worker.pid}/fd").iterdir()))


def test_idle_connections_and_slow_clients_hurt_nobody(gateway):
    gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    requests = [gateway.signed(b"%d" % number) for number in range(300)]
    alone = statistics.median(invoked(gateway, requests))
    idle = [gateway.connect() for _ in range(IDLE)]
    for connection in idle:
        connection.sendall(requests[0])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    slow = [gateway.connect() for _ in range(SLOW)]
    for connection in slow[:DEAF]:  # these never read: their answers are larger than what the kernel takes
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(gateway.signed(b"large 6000000"))
    trickle = Trickle(slow[DEAF:], requests[0])
    trickle.start()
    try:
        among = statistics.median(invoked(gateway, requests))
        print(f"median {alone * 1e3:.2f} ms alone, {among * 1e3:.2f} among them; {memory_mb(worker):.0f} MB")
        assert among < 5 * alone + 0.01
        opened = descriptors(worker)
        gateway.eventually(lambda: descriptors(worker) < opened - DEAF // 4)  # of those that do not read
        connection = idle[-1]
        connection.sendall(requests[1])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 "), "who was idle is served on"
    finally:
        trickle.stop.set()
        trickle.join()
        for connection in [*idle, *slow]:
            connection.close()
