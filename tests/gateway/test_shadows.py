"""Shadow variants: copies that nobody waits for."""

from __future__ import annotations

import time

from clary.gateway.shadows import COPIES_MAX
from clary.resources.route import RoutedShadow, RoutedVariant
from clary.store import counters


def lead(gateway, share=1.0):
    gateway.publish(
        "churn",
        RoutedVariant("real", 1.0, gateway.led("a")),
        shadows=(RoutedShadow("shade", share, gateway.led("b")),),
    )


def counted(gateway, variant="real"):
    """Return what is counted of a variant, once anything is."""
    (path,) = counters.files(gateway.settings.run / "counters")
    return gateway.eventually(lambda: next((each for each in counters.read(path) if each.variant == variant), None))


def test_a_shadow_gets_its_share_of_the_requests_as_they_were_and_is_counted_under_its_name(gateway):
    real, shade = gateway.model("a"), gateway.model("b")
    gateway.start()
    lead(gateway, share=0.25)
    client = gateway.client()
    bodies = [b"row %d" % number for number in range(40)]
    for body in bodies:
        assert client.invoke_endpoint(EndpointName="churn", Body=body)["InvokedProductionVariant"] == "real"
    shade.wait_for(10)
    assert real.requests == bodies
    assert sorted(shade.requests) == sorted(bodies[3::4])
    gateway.eventually(lambda: counted(gateway, "shade").invocations == 10)
    assert counted(gateway).invocations == 40
    assert counted(gateway, "shade").model_errors == 0


def test_whatever_a_shadow_answers_nobody_hears_of_it(gateway):
    gateway.model("a")
    gateway.model("b").broken = True
    gateway.start()
    lead(gateway)
    client = gateway.client()
    for _ in range(10):
        client.invoke_endpoint(EndpointName="churn", Body=b"1")
    gateway.eventually(lambda: counted(gateway, "shade").errors_5xx == 10)
    gateway.models["b"].stop()
    for _ in range(10):
        client.invoke_endpoint(EndpointName="churn", Body=b"1")
    assert counted(gateway).errors_5xx == 0


def test_a_shadow_that_hangs_neither_slows_its_endpoint_nor_piles_up_copies(gateway):
    gateway.model("a")
    shade = gateway.model("b")
    shade.hangs = True
    gateway.start()
    lead(gateway)
    client = gateway.client()
    began = time.monotonic()
    for _ in range(COPIES_MAX + 40):
        client.invoke_endpoint(EndpointName="churn", Body=b"1")
    assert time.monotonic() - began < 30, "a copy hangs for 30 seconds"
    shade.wait_for(COPIES_MAX)
    assert len(shade.requests) == COPIES_MAX


def test_a_shadow_that_goes_takes_nothing_along(gateway):
    gateway.model("a")
    shade = gateway.model("b")
    shade.hangs = True
    gateway.start()
    lead(gateway)
    client = gateway.client()
    client.invoke_endpoint(EndpointName="churn", Body=b"1")
    shade.wait_for(1)
    gateway.publish("churn", RoutedVariant("real", 1.0, gateway.led("a")))
    client.invoke_endpoint(EndpointName="churn", Body=b"1")
    (live,) = gateway.store.gateways.live()
    assert live.holding == {"b"}
    shade.gate.set()
    gateway.eventually(lambda: not gateway.store.gateways.live()[0].holding)
