"""Which instance gets a request, who waits, who is told to go, and what becomes of requests whose instance dies."""

from __future__ import annotations

import select
import threading
from collections import Counter
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from clary.gateway.health import ERRORS_MAX
from clary.resources.route import RoutedVariant, Strategy
from clary.store import counters

LEAST = Strategy.LEAST_OUTSTANDING_REQUESTS


def served(client, times):
    return Counter(client.invoke_endpoint(EndpointName="churn", Body=b"pid")["Body"].read() for _ in range(times))


def refusal(gateway, body=b"1,2"):
    with pytest.raises(ClientError) as raised:
        gateway.client().invoke_endpoint(EndpointName="churn", Body=body)
    return raised.value.response


def answers(gateway, model, count, told):
    """Invoke from so many connections, and let the model answer once so many are `told`; count the statuses."""
    connections = [gateway.connect() for _ in range(count)]
    for connection in connections:
        connection.sendall(gateway.signed(b"wait 30"))
    gateway.eventually(lambda: len(select.select(connections, [], [], 0)[0]) >= told)
    model.gate.set()
    found = Counter()
    for connection in connections:
        with connection:
            found[connection.recv(65536).split(b" ")[1]] += 1
    return found


def test_requests_go_to_the_instance_that_has_fewest_and_turns_are_even_among_equals(gateway):
    for name in ("a", "b", "c"):
        gateway.model(name)
    gateway.start()
    gateway.route("churn", "a", "b", "c", strategy=LEAST)
    assert served(gateway.client(), 30) == {b"a": 10, b"b": 10, b"c": 10}


def test_an_instance_that_comes_late_gets_its_share_and_no_more(gateway):
    for name in ("a", "b"):
        gateway.model(name)
    gateway.start()
    gateway.route("churn", "a", strategy=LEAST)
    client = gateway.client()
    served(client, 20)
    gateway.route("churn", "a", "b", strategy=LEAST)
    assert served(client, 10) == {b"a": 5, b"b": 5}


def test_the_usual_strategy_is_chance(gateway):
    for name in ("a", "b"):
        gateway.model(name)
    gateway.start()
    gateway.route("churn", "a", "b")
    found = served(gateway.client(), 200)
    assert sum(found.values()) == 200
    assert min(found[b"a"], found[b"b"]) > 50  # beyond seven standard deviations


def test_variants_have_their_shares_to_within_one_request_of_each_worker(gateway):
    for name in ("a", "b", "c"):
        gateway.model(name)
    gateway.start("gateway-0")
    gateway.start("gateway-1")
    weights = {"a": 5.0, "b": 3.0, "c": 2.0}
    gateway.publish("churn", *(RoutedVariant(name, weight, gateway.led(name)) for name, weight in weights.items()))
    lock, found = threading.Lock(), Counter()

    def invoke():
        client = gateway.client()
        for _ in range(50):
            answer = client.invoke_endpoint(EndpointName="churn", Body=b"pid")
            with lock:
                found[answer["Body"].read().decode(), answer["InvokedProductionVariant"]] += 1

    threads = [threading.Thread(target=invoke) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, weight in weights.items():
        assert abs(found[name, name] - 300 * weight / 10) <= 2


def test_a_variant_that_is_asked_for_by_name_answers_whatever_its_weight(gateway):
    for name in ("a", "b"):
        gateway.model(name)
    gateway.start()
    gateway.publish("churn", RoutedVariant("a", 1.0, gateway.led("a")), RoutedVariant("b", 0.0, gateway.led("b")))
    answer = gateway.client().invoke_endpoint(EndpointName="churn", Body=b"pid", TargetVariant="b")
    assert (answer["Body"].read(), answer["InvokedProductionVariant"]) == (b"b", "b")
    assert served(gateway.client(), 10) == {b"a": 10}


def test_a_variant_in_the_midst_of_a_change_is_led_by_the_weights_of_its_parts_also_by_name(gateway):
    for name in ("old", "new"):
        gateway.model(name)
    gateway.start()
    gateway.publish("churn", RoutedVariant("v", 0.75, gateway.led("old")), RoutedVariant("v", 0.25, gateway.led("new")))
    client = gateway.client()
    assert served(client, 40) == {b"old": 30, b"new": 10}
    asked = [client.invoke_endpoint(EndpointName="churn", Body=b"pid", TargetVariant="v") for _ in range(40)]
    assert Counter(each["Body"].read() for each in asked) == {b"old": 30, b"new": 10}


def test_a_request_goes_elsewhere_when_its_instance_takes_no_connection(gateway):
    models = [gateway.model(name) for name in ("a", "b")]
    gateway.start()
    gateway.route("churn", "a", "b")
    client = gateway.client()
    served(client, 10)
    models[0].stop()  # leaves its socket behind, which refuses, and kept connections, which are dead
    assert served(client, 20) == {b"b": 20}
    models[1].stop()
    response = refusal(gateway)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert response["Error"]["Code"] == "ServiceUnavailable"
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"


def test_requests_under_way_at_an_instance_that_dies_are_answered_by_another_and_counted_once(gateway):
    dying, other = [gateway.model(name) for name in ("a", "b")]
    gateway.start()
    gateway.route("churn", "a", strategy=LEAST)
    connections = [gateway.connect() for _ in range(8)]
    for connection in connections:
        connection.sendall(gateway.signed(b"wait 30"))
    dying.wait_for(8)
    gateway.route("churn", "a", "b", strategy=LEAST)
    other.gate.set()
    dying.kill()
    for connection in connections:
        with connection:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert len(other.requests) == 8
    (path,) = counters.files(gateway.settings.run / "counters")
    (counter,) = counters.read(path)
    assert (counter.invocations, counter.model_errors) == (8, 0)


def test_a_request_that_kills_its_instances_is_not_sent_a_third_time(gateway):
    models = [gateway.model(name) for name in ("a", "b", "c")]
    gateway.start()
    gateway.route("churn", "a", "b", "c")
    response = refusal(gateway, b"die")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert sum(each == b"die" for model in models for each in model.requests) == 2


def test_a_connection_that_the_model_closed_while_it_was_kept_does_no_harm_even_to_a_lone_instance(gateway):
    model = gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    client = gateway.client()
    client.invoke_endpoint(EndpointName="churn", Body=b"1")
    assert client.invoke_endpoint(EndpointName="churn", Body=b"dieonce")["Body"].read() == b"dieonce"
    assert model.requests.count(b"dieonce") == 2


def until_aside(gateway, times):
    """Have one of two instances answer with errors, so many requests long; return how many there were."""
    for name in ("a", "b"):
        gateway.model(name)
    gateway.publish("churn", RoutedVariant("v", 1.0, gateway.led("a", "b"), LEAST))
    client, errors = gateway.client(), 0
    gateway.models["a"].broken = True
    for _ in range(times):
        try:
            client.invoke_endpoint(EndpointName="churn", Body=b"pid")
        except ClientError as error:
            errors += error.response["OriginalStatusCode"] == 503
    gateway.models["a"].broken = False
    return errors


def test_an_instance_with_errors_in_a_row_is_set_aside(gateway):
    gateway.start(program=gateway.patched("from clary.gateway import health", "health.ASIDE_FIRST_S = 60.0"))
    assert until_aside(gateway, 20) == ERRORS_MAX, "after these it gets nothing"
    assert served(gateway.client(), 10) == {b"b": 10}


def test_an_instance_that_was_set_aside_comes_back(gateway):
    gateway.start()
    assert until_aside(gateway, 20) >= ERRORS_MAX
    client = gateway.client()
    gateway.eventually(lambda: b"a" in served(client, 2))


def test_a_request_whose_instance_dies_rather_goes_to_one_that_is_set_aside_than_nowhere(gateway):
    for name in ("a", "b"):
        gateway.model(name)
    gateway.start()
    gateway.route("churn", "a", "b", strategy=LEAST)
    client = gateway.client()
    gateway.models["a"].broken = True
    for _ in range(12):
        with suppress(ClientError):
            client.invoke_endpoint(EndpointName="churn", Body=b"1")
    gateway.models["a"].broken = False
    assert client.invoke_endpoint(EndpointName="churn", Body=b"kill b")["Body"].read() == b"a"


def test_a_request_whose_instance_dies_goes_to_the_variant_that_took_over(gateway):
    model = gateway.model("a")
    gateway.model("b")
    gateway.start()
    gateway.route("churn", "a")
    with gateway.connect() as connection:
        connection.sendall(gateway.signed(b"wait 30"))
        model.wait_for(1)
        gateway.publish("churn", RoutedVariant("other", 1.0, gateway.led("b")))
        gateway.models["b"].gate.set()
        model.kill()
        connection.settimeout(30)
        assert connection.recv(65536).endswith(b"\r\n\r\nwaited")


def test_a_part_of_a_variant_whose_instances_died_leaves_its_requests_to_the_other_part(gateway):
    dying, other = [gateway.model(name) for name in ("old", "new")]
    gateway.start()
    gateway.publish("churn", RoutedVariant("v", 0.5, gateway.led("old")), RoutedVariant("v", 0.5, gateway.led("new")))
    other.gate.set()
    connections = [gateway.connect() for _ in range(4)]
    for connection in connections:
        connection.sendall(gateway.signed(b"wait 30"))
    dying.wait_for(2)
    dying.kill()
    for connection in connections:
        with connection:
            assert connection.recv(65536).endswith(b"\r\n\r\nwaited")
    assert served(gateway.client(), 20) == {b"new": 20}
    other.kill()
    assert refusal(gateway)["Error"]["Code"] == "ServiceUnavailable"


def test_the_last_instance_is_never_set_aside(gateway):
    gateway.model("a").broken = True
    gateway.start()
    gateway.route("churn", "a")
    for _ in range(12):
        assert refusal(gateway)["OriginalStatusCode"] == 503
    gateway.models["a"].broken = False
    assert served(gateway.client(), 3) == {b"a": 3}


@pytest.mark.parametrize(
    "gateway", [{"instance_requests_max": 2, "variant_queue_max": 3, "variant_queue_timeout_s": 100.0}], indirect=True
)
def test_what_neither_an_instance_takes_nor_the_queue_is_refused(gateway):
    model = gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    assert answers(gateway, model, 10, told=5) == {b"200": 5, b"429": 5}
    assert model.requests == [b"wait 30"] * 5


@pytest.mark.parametrize("gateway", [{"instance_requests_max": 2, "variant_queue_timeout_s": 0.5}], indirect=True)
def test_what_waits_too_long_is_refused(gateway):
    model = gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    assert answers(gateway, model, 5, told=3) == {b"200": 2, b"503": 3}
    assert model.requests == [b"wait 30"] * 2
    assert served(gateway.client(), 2) == {b"a": 2}


@pytest.mark.parametrize(
    "gateway", [{"gateways": 2, "variant_queue_max": 1, "variant_queue_timeout_s": 100.0}], indirect=True
)
def test_a_variants_own_bound_is_shared_by_the_workers(gateway):
    model = gateway.model("a")
    gateway.start()
    gateway.route("churn", "a", concurrency_max=6)
    assert answers(gateway, model, 10, told=6) == {b"200": 4, b"429": 6}, "three at once, and the one that waited"
    assert len(model.requests) == 4


@pytest.mark.parametrize("gateway", [{"instance_requests_max": 1}], indirect=True)
def test_who_waits_is_sent_to_an_instance_that_comes_or_with_the_variant_that_takes_over(gateway):
    gateway.model("a")
    gateway.model("b")
    gateway.start()
    gateway.route("churn", "a")
    connections = [gateway.connect() for _ in range(2)]
    connections[0].sendall(gateway.signed(b"wait 30"))
    gateway.models["a"].wait_for(1)
    connections[1].sendall(gateway.signed(b"pid"))
    gateway.publish("churn", RoutedVariant("other", 1.0, gateway.led("b")))
    assert connections[1].recv(65536).endswith(b"\r\n\r\nb")
    gateway.models["a"].gate.set()
    assert connections[0].recv(65536).endswith(b"\r\n\r\nwaited")
    for connection in connections:
        connection.close()
