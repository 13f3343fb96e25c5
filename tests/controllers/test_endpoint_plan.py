"""The plan as tables: what is done next, for each thing that may be seen."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clary.controllers import endpoint_plan
from clary.controllers.endpoint_plan import (
    Advance,
    Drop,
    Forget,
    Lead,
    Retry,
    RollBack,
    Settle,
    Start,
    Wait,
    World,
    plan,
)
from clary.resources.endpoint import ENDPOINT, Endpoint, Fleet, Status, Variant
from clary.resources.instance import INSTANCE, Instance, InstanceStatus, Phase
from clary.resources.rollout import Rollout
from clary.resources.route import Route, RoutedInstance, RoutedShadow, RoutedVariant, Strategy
from clary.store.gateways import Gateway
from clary.store.records import Record

ACCOUNT, REGION, UID = "111111111111", "us-east-1", "a" * 16
VARIANT = {
    "name": "AllTraffic", "weight": 1.0, "count": 2, "instance_type": "ml.m5.large", "config": {},
    "model": {"container": {"Image": "i"}, "role": "arn:aws:iam::111111111111:role/r", "isolated": False},
}  # fmt: skip
SPEC = {"EndpointConfigName": "c", "variants": [VARIANT]}
NOW = 100.0
MAKE = Variant(**VARIANT).hash


def record(kind: object, name: str, spec: Any, status: Any, state: str, *, deleting: bool = False) -> Record:
    return Record(
        account=ACCOUNT, region=REGION, kind=str(kind), name=name, uid=UID, parent=UID, spec=spec, status=status,
        state=state, deleting=deleting, generation=1, version=1, created=10.0, modified=10.0,
    )  # fmt: skip


def endpoint(status: Status = Status.CREATING, *, deleting: bool = False, **detail: Any) -> Endpoint:
    return Endpoint.read(record(ENDPOINT, "e", SPEC, detail, status, deleting=deleting))


def instance(index: int, *, ready: bool = False, ended: bool = False, attempt: int = 0, error: str = "") -> Instance:
    wanted = endpoint(attempts={f"{MAKE}/{index}": attempt})
    slot = list(wanted.slots(wanted.wanted).values())[index]
    phase = Phase.ENDED if ended else Phase.RUNNING
    status = InstanceStatus(reached={phase: NOW}, ready=ready, socket=f"/s/{index}", error=error)
    return Instance.read(
        record(INSTANCE, slot.name, endpoint_plan.host_of(wanted, slot).to_json(), status.to_json(), phase)
    )


def route(*indices: int) -> Route:
    led = tuple(RoutedInstance(instance(index).name, Path(f"/s/{index}")) for index in indices)
    return Route(ACCOUNT, REGION, "e", UID, (RoutedVariant("AllTraffic", 1.0, led),))


def world(*instances: Instance, led: Route | None = None, applied: int = 5, holding: str = "") -> World:
    gateway = Gateway("gateway-0", applied, frozenset([holding] if holding else []), NOW)
    return World(list(instances), led, 5, [gateway], NOW)


def kinds(steps: list[Any]) -> list[type]:
    return [type(step) for step in steps]


BOTH = (instance(0, ready=True), instance(1, ready=True))
SERVING = endpoint(Status.IN_SERVICE)


@pytest.mark.parametrize(
    ("wanted", "seen", "steps"),
    [
        pytest.param(endpoint(), world(), [Start, Start], id="nothing-runs"),
        pytest.param(endpoint(), world(instance(0, ready=True)), [Start], id="one-is-missing"),
        pytest.param(endpoint(), world(instance(0, ready=True), instance(1)), [], id="one-still-loads"),
        pytest.param(endpoint(), world(*BOTH), [Lead], id="all-ready"),
        pytest.param(endpoint(), world(*BOTH, led=route(0, 1), applied=4), [Wait], id="a-gateway-is-behind"),
        pytest.param(endpoint(), world(*BOTH, led=route(0, 1)), [Settle], id="every-gateway-has-it"),
        pytest.param(SERVING, world(*BOTH, led=route(0, 1)), [], id="nothing-to-do"),
        pytest.param(
            SERVING,
            world(BOTH[0], instance(1, ended=True), led=route(0, 1)),
            [Retry, Lead],
            id="one-died-and-leaves-the-route",
        ),
        pytest.param(endpoint(), world(instance(0, ended=True), instance(1)), [Retry], id="one-died-at-the-start"),
        pytest.param(endpoint(deleting=True), world(*BOTH, led=route(0, 1)), [Lead], id="deleting-closes-the-route"),
        pytest.param(endpoint(deleting=True), world(*BOTH), [Drop, Drop], id="deleting-drops-what-is-drained"),
        pytest.param(
            endpoint(deleting=True), world(*BOTH, holding=BOTH[0].name), [Drop, Wait], id="deleting-waits-for-requests"
        ),
        pytest.param(endpoint(deleting=True), world(), [Forget], id="deleted"),
        pytest.param(endpoint(Status.FAILED), world(*BOTH), [Drop, Drop], id="failed"),
    ],
)
def test_plan_takes_the_next_steps(wanted: Endpoint, seen: World, steps: list[type]) -> None:
    assert kinds(plan(wanted, seen)) == steps


def test_an_instance_that_keeps_dying_fails_a_new_endpoint_with_its_reason() -> None:
    worn = endpoint(attempts={f"{MAKE}/0": 2})
    (step,) = plan(worn, world(instance(0, ended=True, attempt=2, error="Could not find model data"), BOTH[1]))
    assert step == Settle(Status.FAILED, "Could not find model data")


def test_an_instance_that_keeps_dying_in_service_is_restarted_later_and_later() -> None:
    worn = replace(SERVING, attempts={f"{MAKE}/0": 9})
    steps = plan(worn, world(instance(0, ended=True, attempt=9), BOTH[1], led=route(1)))
    (wait,) = [step for step in steps if isinstance(step, Wait)]
    assert wait.seconds == endpoint_plan.RESTART_S_MAX


def test_an_instance_that_ran_for_long_is_replaced_at_once_however_often_others_died_before() -> None:
    worn = replace(SERVING, attempts={f"{MAKE}/0": 9})
    old = instance(0, ended=True, attempt=9)
    began = {Phase.RUNNING: NOW - endpoint_plan.RESTART_S_MAX, **old.status.reached}
    old = replace(old, status=replace(old.status, reached=began))
    assert kinds(plan(worn, world(old, BOTH[1], led=route(1)))) == [Retry]


def names(fleet: Fleet) -> set[str]:
    return set(endpoint().slots(fleet))


def test_weight_and_count_keep_instances_and_the_model_does_not() -> None:
    fleet = endpoint().wanted
    (variant,) = fleet.variants
    assert names(fleet) < names(replace(fleet, variants=(replace(variant, weight=2.0, count=3),)))
    assert names(fleet).isdisjoint(names(replace(fleet, variants=(replace(variant, model={"container": {}}),))))


# A change of fleets: two instances of another model are to take over from two.

OTHER = {**VARIANT, "model": {**VARIANT["model"], "container": {"Image": "j"}}}


def changing(deployment: dict[str, Any] | None = None, *, step: int = 0, moved: float = NOW, **detail: Any) -> Endpoint:
    spec = {"EndpointConfigName": "d", "variants": [OTHER]}
    if deployment is not None:
        spec["DeploymentConfig"] = deployment
    rollout = Rollout(began=NOW - 50, step=step, moved=moved).to_json()
    return Endpoint.read(record(ENDPOINT, "e", spec, {"live": SPEC, "rollout": rollout, **detail}, Status.UPDATING))


def green(index: int, *, ready: bool = True, ended: bool = False, attempt: int = 0) -> Instance:
    make = Variant(**OTHER).hash
    wanted = changing(attempts={f"{make}/{index}": attempt})
    slot = list(wanted.slots(wanted.wanted).values())[index]
    status = InstanceStatus(reached={Phase.ENDED: NOW} if ended else {}, ready=ready, socket=f"/g/{index}")
    phase = Phase.ENDED if ended else Phase.RUNNING
    spec = endpoint_plan.host_of(wanted, slot).to_json()
    return Instance.read(record(INSTANCE, slot.name, spec, status.to_json(), phase))


def mixed(share: float, *, old: tuple[int, ...] = (0, 1), new: tuple[int, ...] = (0, 1)) -> Route:
    led = (
        (1.0 - share, tuple(RoutedInstance(instance(index).name, Path(f"/s/{index}")) for index in old)),
        (share, tuple(RoutedInstance(green(index).name, Path(f"/g/{index}")) for index in new)),
    )
    parts = [RoutedVariant("AllTraffic", weight, instances) for weight, instances in led if weight > 0]
    return Route(ACCOUNT, REGION, "e", UID, tuple(parts))


def blue_green(kind: str, size: dict[str, Any] | None = None, *, wait: int = 60, bake: int = 30, **more: Any) -> Any:
    traffic = {"Type": kind, "WaitIntervalInSeconds": wait}
    if size is not None:
        traffic["CanarySize" if kind == "CANARY" else "LinearStepSize"] = size
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic, "TerminationWaitInSeconds": bake, **more}}


HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
ONE = {"Type": "INSTANCE_COUNT", "Value": 1}
GREENS = (green(0), green(1))
CANARY = blue_green("CANARY", HALF)
ROLLING = {"RollingUpdatePolicy": {"MaximumBatchSize": ONE, "WaitIntervalInSeconds": 60}}


@pytest.mark.parametrize(
    ("wanted", "seen", "steps"),
    [
        pytest.param(changing(), world(*BOTH, led=route(0, 1)), [Start, Start, Wait], id="the-new-fleet-comes-up"),
        pytest.param(
            changing(), world(*BOTH, green(0), green(1, ready=False), led=route(0, 1)), [Wait], id="one-still-loads"
        ),
        pytest.param(changing(), world(*BOTH, *GREENS, led=route(0, 1)), [Advance], id="all-of-it-answers"),
        pytest.param(changing(step=1), world(*BOTH, *GREENS, led=route(0, 1)), [Lead], id="all-at-once-is-led"),
        pytest.param(changing(step=1), world(*BOTH, *GREENS, led=mixed(1.0)), [Settle], id="at-once-done"),
        pytest.param(changing(CANARY, step=1), world(*BOTH, *GREENS, led=route(0, 1)), [Lead], id="a-canary-is-led"),
        pytest.param(
            changing(CANARY, step=1, moved=NOW - 59), world(*BOTH, *GREENS, led=mixed(0.5)), [Wait], id="a-canary-bakes"
        ),
        pytest.param(
            changing(CANARY, step=1, moved=NOW - 60),
            world(*BOTH, *GREENS, led=mixed(0.5)),
            [Advance],
            id="a-canary-has-baked",
        ),
        pytest.param(
            changing(CANARY, step=2, moved=NOW - 29),
            world(*BOTH, *GREENS, led=mixed(1.0)),
            [Wait],
            id="the-old-fleet-waits-for-its-end",
        ),
        pytest.param(
            changing(CANARY, step=2, moved=NOW - 30), world(*BOTH, *GREENS, led=mixed(1.0)), [Settle], id="canary-done"
        ),
        pytest.param(changing(ROLLING), world(*BOTH, led=route(0, 1)), [Start, Wait], id="rolling-starts-a-batch"),
        pytest.param(
            changing(ROLLING), world(*BOTH, green(0), led=route(0, 1)), [Advance], id="rolling-moves-on-with-a-batch"
        ),
    ],
)
def test_a_change_of_fleets_goes_step_by_step(wanted: Endpoint, seen: World, steps: list[type]) -> None:
    assert kinds(plan(wanted, seen)) == steps


def test_a_rolling_change_lets_old_instances_go_batch_by_batch() -> None:
    wanted = changing(ROLLING, step=1, moved=NOW)
    led = plan(wanted, world(*BOTH, green(0), led=route(0, 1)))[-1]
    assert led == Lead(mixed(0.5, old=(0,), new=(0,)))
    steps = plan(wanted, world(*BOTH, green(0), led=mixed(0.5, old=(0,), new=(0,))))
    assert Drop(BOTH[1]) in steps
    assert [step.name for step in steps if isinstance(step, Start)] == [green(1).name]


@pytest.mark.parametrize(
    ("wanted", "seen", "reason"),
    [
        (changing(CANARY, step=1), replace(world(*BOTH, *GREENS), alarms=frozenset(["p99"])), "alarms .*: p99"),
        (
            changing(blue_green("CANARY", HALF, MaximumExecutionTimeoutInSeconds=40)),
            world(*BOTH),
            "MaximumExecutionTimeoutInSeconds",
        ),
        (
            changing(attempts={f"{Variant(**OTHER).hash}/0": 2}),
            world(*BOTH, green(0, ended=True, attempt=2)),
            "did not pass the ping health check",
        ),
    ],
)
def test_trouble_takes_the_change_back(wanted: Endpoint, seen: World, reason: str) -> None:
    (step,) = plan(wanted, seen)
    assert isinstance(step, RollBack)
    assert re.search(reason, step.reason)


def test_a_change_that_is_taken_back_leads_to_the_old_fleet_and_lets_the_new_one_go() -> None:
    rollout = Rollout(began=NOW, reason="why").to_json()
    back = endpoint(Status.ROLLING_BACK, rollout=rollout, live=SPEC)
    assert plan(back, world(*BOTH, *GREENS, led=mixed(0.5)))[-1] == Lead(route(0, 1))
    steps = plan(back, world(*BOTH, *GREENS, led=route(0, 1)))
    assert steps == [Drop(GREENS[0]), Drop(GREENS[1]), Settle(Status.IN_SERVICE, "why")]


def test_other_weights_alone_start_nothing() -> None:
    heavier = {**VARIANT, "weight": 3.0}
    rollout = Rollout(began=NOW, step=1, moved=NOW).to_json()
    resized = Endpoint.read(
        record(ENDPOINT, "e", {**SPEC, "variants": [heavier]}, {"live": SPEC, "rollout": rollout}, Status.UPDATING)
    )
    (step,) = plan(resized, world(*BOTH, led=route(0, 1)))
    assert isinstance(step, Lead)
    assert step.route is not None
    assert [variant.weight for variant in step.route.variants] == [3.0]


def test_an_instance_that_is_on_its_way_out_serves_nobody() -> None:
    leaving = replace(BOTH[0], deleting=True)
    (led,) = [step for step in plan(SERVING, world(leaving, BOTH[1], led=route(0, 1))) if isinstance(step, Lead)]
    assert led == Lead(route(1))


def test_a_part_without_instances_leaves_its_share_to_the_other() -> None:
    wanted = changing(CANARY, step=1)
    (led,) = [step for step in plan(wanted, world(*GREENS, led=mixed(0.5))) if isinstance(step, Lead)]
    assert led.route is not None
    assert [len(variant.instances) for variant in led.route.variants] == [2]


def test_the_route_tells_how_a_variant_shares_requests_among_its_instances_which_changes_none_of_them() -> None:
    (variant,) = SPEC["variants"]
    least = {**variant, "routing": "LEAST_OUTSTANDING_REQUESTS"}
    wanted = Endpoint.read(record(ENDPOINT, "e", {**SPEC, "variants": [least]}, {}, Status.IN_SERVICE))
    steps = plan(wanted, world(*BOTH, led=route(0, 1)))
    (led,) = [step for step in steps if isinstance(step, Lead)]
    assert led.route is not None
    assert [each.strategy for each in led.route.variants] == [Strategy.LEAST_OUTSTANDING_REQUESTS]
    assert not [step for step in steps if isinstance(step, Start)]


# Shadow variants: one instance of another model gets a copy of half of the requests.

SHADOW = {**OTHER, "name": "shadow", "count": 1, "weight": 0.5}


def shadowed(status: Status = Status.IN_SERVICE, **detail: Any) -> Endpoint:
    spec = {**SPEC, "shadows": [SHADOW]}
    return Endpoint.read(record(ENDPOINT, "e", spec, detail, status))


def mirror(*, ready: bool = True, ended: bool = False) -> Instance:
    wanted = shadowed()
    slot = next(slot for slot in wanted.slots(wanted.wanted).values() if slot.variant.name == "shadow")
    status = InstanceStatus(reached={Phase.ENDED: NOW} if ended else {}, ready=ready, socket="/m")
    spec = endpoint_plan.host_of(wanted, slot).to_json()
    return Instance.read(record(INSTANCE, slot.name, spec, status.to_json(), Phase.ENDED if ended else Phase.RUNNING))


def copied(share: float) -> Route:
    return replace(route(0, 1), shadows=(RoutedShadow("shadow", share, (RoutedInstance(mirror().name, Path("/m")),)),))


@pytest.mark.parametrize(
    ("wanted", "seen", "steps"),
    [
        pytest.param(shadowed(Status.CREATING), world(*BOTH), [Start], id="a-shadow-is-started"),
        pytest.param(shadowed(Status.CREATING), world(*BOTH, mirror(ready=False)), [], id="a-shadow-still-loads"),
        pytest.param(shadowed(Status.CREATING), world(*BOTH, mirror()), [Lead(copied(0.5))], id="a-shadow-is-led-to"),
        pytest.param(shadowed(), world(*BOTH, mirror(), led=copied(0.5)), [], id="nothing-to-do"),
        pytest.param(
            shadowed(),
            world(*BOTH, mirror(ended=True), led=copied(0.5)),
            [Retry, Lead(route(0, 1))],
            id="a-dead-shadow-leaves-the-route-and-production-goes-on",
        ),
    ],
)
def test_a_shadow_is_part_of_the_fleet(wanted: Endpoint, seen: World, steps: list[Any]) -> None:
    planned = plan(wanted, seen)
    assert kinds(planned) == [step if isinstance(step, type) else type(step) for step in steps]
    assert [step for step in planned if isinstance(step, Lead)] == [step for step in steps if isinstance(step, Lead)]


def test_a_shadow_never_gets_more_than_a_copy_of_each_request() -> None:
    wanted = replace(shadowed(), wanted=Fleet.read({**SPEC, "shadows": [{**SHADOW, "weight": 7.0}]}))
    (step,) = plan(wanted, world(*BOTH, mirror(), led=copied(0.5)))
    assert step == Lead(copied(1.0))


def test_a_shadow_that_is_promoted_keeps_its_instances() -> None:
    told = {"EndpointConfigName": "d", "variants": [{**SHADOW, "weight": 1.0}]}
    rollout = Rollout(began=NOW, step=1, moved=NOW).to_json()
    live = {**SPEC, "shadows": [SHADOW]}
    promoted = Endpoint.read(record(ENDPOINT, "e", told, {"live": live, "rollout": rollout}, Status.UPDATING))
    (step,) = plan(promoted, world(*BOTH, mirror(), led=copied(0.5)))
    serving = RoutedVariant("shadow", 1.0, (RoutedInstance(mirror().name, Path("/m")),))
    assert step == Lead(Route(ACCOUNT, REGION, "e", UID, (serving,)))
