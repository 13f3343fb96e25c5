"""Figures of bursts as people read them."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from inference import claims, report
from inference.load import CONNECTIONS, Burst, Bursts

SVG = "{http://www.w3.org/2000/svg}"


def burst(cpu_us: float, requests_s: float = 1_000.0, failed: int = 0) -> Burst:
    answered = 0 if math.isinf(cpu_us) else 1_000
    return Burst(answered, failed, requests_s if answered else 0.0, 500.0, 2_000.0, {"server": cpu_us}, 20.0)


def run(**cpu_us: list[float]) -> Bursts:
    """Return a run in which each system took these times a request, whatever the number of connections."""
    return {
        (name.replace("_", " "), connections): list(map(burst, rounds))
        for name, rounds in cpu_us.items()
        for connections in CONNECTIONS
    }


def test_a_ratio_is_the_median_of_those_of_each_round() -> None:
    bursts = run(bare_xgboost=[100, 400, 100], clary_accelerated=[50, 80, 40])  # a neighbour came in the second round
    assert report.summary(bursts, "clary accelerated", 8, "bare xgboost").cpu_ratio == 0.4


def test_a_server_that_answered_nothing_has_a_row_without_figures() -> None:
    bursts = run(bare_xgboost=[100], litserve=[math.inf])
    bursts["litserve", 8] = [burst(math.inf, failed=8)]
    rows = report.table(
        bursts, ["bare xgboost", "litserve"], "bare xgboost", dict.fromkeys(["bare xgboost", "litserve"], (1, 1))
    )
    assert "| litserve | 8 |  |  | 0 | 0.00 | 0.5 | 2.0 | 100.0% | 1 | 1.00 |" in rows


def test_a_bar_stays_in_the_plot_however_long_it_is() -> None:
    bursts = run(bare_xgboost=[100], ray_serve=[5_000], clary_accelerated=[40], bentoml=[math.inf])
    names = ["bare xgboost", "ray serve", "clary accelerated", "bentoml"]
    drawn = ElementTree.fromstring(report.plot(bursts, names, "bare xgboost", 8, "CPU"))
    bars = [each for each in drawn.iter(f"{SVG}rect") if "x" in each.attrib]
    texts = [each.text for each in drawn.iter(f"{SVG}text")]
    assert max(float(each.attrib["x"]) + float(each.attrib["width"]) for each in bars) < float(drawn.attrib["width"])
    assert "5,000" in texts
    assert "bentoml" not in texts


def test_a_claim_is_made_only_of_what_was_run() -> None:
    assert claims.claims(run(bare_xgboost=[100], litserve=[500])) == []


def test_claims_tell_how_far_clary_is_from_the_prototype_and_from_bare_onnx_runtime() -> None:
    told = "\n".join(claims.claims(run(bare_xgboost=[100], clary_accelerated=[44], clary_native=[95], bare_onnx=[22])))
    assert "CPU at 8 connections: 0.44 of the floor's (goal: at most 0.4)" in told
    assert "Clary whole takes 2.0 times that" in told
    assert "ONNX Runtime: 2.00 of its CPU at 8 connections" in told
    assert "not accelerated: 0.95 of the floor's CPU" in told


def test_the_peer_that_takes_least_is_named() -> None:
    told = claims.claims(run(bare_xgboost=[100], clary_accelerated=[40], litserve=[240], ray_serve=[5_000]))
    assert told[-1] == "- The peer that takes least, litserve: 6.0 times Clary's CPU at 8 connections."
