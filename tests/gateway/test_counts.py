"""What workers count is what clients counted, whatever happens to the workers."""

from __future__ import annotations

import random
import signal
import threading
import time
from contextlib import contextmanager

import pytest

from clary.store import counters


def totals(gateway):
    """Return the sums over all workers, dead or alive."""
    told = [each for path in counters.files(gateway.settings.run / "counters") for each in counters.read(path)]
    assert all(
        (each.account, each.region, each.variant) == (gateway.account, "us-east-1", "AllTraffic") for each in told
    )
    return told


def test_every_kind_of_answer_is_counted_exactly(gateway):
    gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    bodies = [b"1"] * 7 + [b"status 400 x"] * 3 + [b"status 503 x"] * 2 + [b"die"]
    gateway.exchange(b"".join(gateway.signed(body) for body in bodies) + gateway.signed(b"1", endpoint="other"))
    (counter,) = totals(gateway)
    assert counter.endpoint == "churn"
    assert (counter.invocations, counter.errors_4xx, counter.errors_5xx, counter.model_errors) == (13, 3, 2, 6)
    assert counter.model_latency.count == counter.overhead_latency.count == 13
    smallest, largest = counter.model_latency.extremes(0)
    assert 0 < smallest <= largest < 10_000_000


def test_the_time_of_the_model_and_the_time_around_it_are_told_apart(gateway):
    gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    began = time.monotonic()
    gateway.exchange(gateway.signed(b"wait 0.3"))
    whole_us = (time.monotonic() - began) * 1e6
    (counter,) = totals(gateway)
    assert counter.model_latency.total_us >= 300_000
    assert counter.model_latency.total_us + counter.overhead_latency.total_us <= whole_us


def test_it_is_looked_every_second_how_many_requests_are_under_way_also_when_there_are_none_any_more(gateway):
    model = gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    connections = [gateway.connect() for _ in range(3)]
    for connection in connections:
        connection.sendall(gateway.signed(b"wait 30"))
    model.wait_for(3)
    gateway.client().invoke_endpoint(EndpointName="churn", Body=b"1")
    gateway.eventually(lambda: [each.sampled >= 3 for each in totals(gateway)] == [True])
    model.gate.set()
    for connection in connections:
        assert connection.recv(65536)
        connection.close()
    (before,) = totals(gateway)
    gateway.eventually(lambda: totals(gateway)[0].samples >= before.samples + 3)
    (after,) = totals(gateway)
    assert after.sampled <= before.sampled + 3, "a look may have come before the answers"
    assert (after.instances, after.per_instance_e9) == (1, 4_000_000_000)


class Client(threading.Thread):
    """Invokes until told to stop, over connections that workers may kill, and keeps a journal."""

    def __init__(self, gateway, stop):
        super().__init__()
        self.gateway, self.stop = gateway, stop
        self.answered = self.lost = self.refused = 0
        self.odd = []

    def run(self):
        request = self.gateway.signed(b"tick")
        while not self.stop.is_set():
            try:
                with self.gateway.connect() as connection:
                    self._converse(connection, request)
            except ConnectionRefusedError:
                self.refused += 1
            except (ConnectionError, EOFError):
                self.lost += 1

    def _converse(self, connection, request):
        while not self.stop.is_set():
            connection.sendall(request)
            received = b""
            while not received.endswith(b"\r\n\r\ntick"):
                data = connection.recv(65536)
                if not data:
                    raise EOFError
                received += data
                if received.startswith(b"HTTP/1.1 ") and not received.startswith(b"HTTP/1.1 200 "):
                    self.odd.append(received)
                    raise EOFError
            self.answered += 1


@contextmanager
def clients_of(gateway, number):
    """Have so many clients at work, who are done with their last request at the end."""
    stop = threading.Event()
    clients = [Client(gateway, stop) for _ in range(number)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        stop.set()
        for client in clients:
            client.join()


@pytest.mark.parametrize("kills", [4, pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_workers_killed_under_load_lose_no_count_and_the_port_never_refuses(gateway, kills):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    model = gateway.model("a")
    gateway.route("churn", "a", wait=False)
    workers = [gateway.start("gateway-0"), gateway.start("gateway-1")]
    with clients_of(gateway, 4) as clients:
        for _ in range(kills):
            victim = chance.randrange(2)
            before = sum(client.answered for client in clients)
            gateway.eventually(lambda before=before: sum(client.answered for client in clients) > before + 20)
            workers[victim].send_signal(signal.SIGKILL)
            workers[victim].wait()
            workers[victim] = gateway.start(f"gateway-{victim}")
    assert [each for client in clients for each in client.odd] == []
    assert sum(client.refused for client in clients) == 0
    answered, lost = sum(client.answered for client in clients), sum(client.lost for client in clients)
    counted = sum(each.invocations for each in totals(gateway))
    assert answered <= counted <= answered + lost
    assert counted <= len(model.requests)
    assert len(counters.files(gateway.settings.run / "counters")) == kills + 2
    assert sum(map(counters.complete, counters.files(gateway.settings.run / "counters"))) == kills
