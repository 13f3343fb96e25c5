"""Compiled trees answer what the library answers, or are not used."""

from __future__ import annotations

import logging
import random
import threading
import time
from array import array

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from clary_runtime.algorithms.xgboost.acceleration import ROWS_MAX, TOLERANCE, accelerated
from clary_runtime.algorithms.xgboost.hosting import HostedModel, loader
from clary_runtime.algorithms.xgboost.library import Booster, LibraryError, load_library
from clary_runtime.algorithms.xgboost.trees import LEAF, bound, compiled
from clary_runtime.logs import LOG
from clary_runtime.serving.messages import Request
from clary_runtime.trees import DEPTH_MAX, NODES_MAX, NotCompilable

BYTES_MAX = 8 << 20


def trained(dataset, rounds=20, **params) -> Booster:
    features, labels = dataset(return_X_y=True)
    features[::7, 2] = np.nan
    matrix = xgboost.DMatrix(features, labels)
    booster = xgboost.train({"nthread": 1, "seed": 1, "verbosity": 0, **params}, matrix, rounds)
    return Booster(load_library(), bytes(booster.save_raw("ubj")))


@pytest.mark.parametrize(
    ("dataset", "params"),
    [
        (load_breast_cancer, {"objective": "binary:logistic"}),
        (load_breast_cancer, {"objective": "binary:logistic", "base_score": 0.2}),
        (load_breast_cancer, {"objective": "binary:logitraw"}),
        (load_breast_cancer, {"objective": "reg:logistic"}),
        (load_diabetes, {"objective": "reg:squarederror"}),
        (load_diabetes, {"objective": "reg:absoluteerror"}),
        (load_diabetes, {"objective": "reg:pseudohubererror"}),
        (load_diabetes, {"objective": "reg:squarederror", "num_parallel_tree": 3, "subsample": 0.5}),
        (load_wine, {"objective": "multi:softprob", "num_class": 3}),
    ],
)
def test_compiled_trees_predict_as_the_library_does(dataset, params):
    booster = trained(dataset, **params)
    predict = compiled(booster.document(BYTES_MAX), booster.rounds_end)
    chance = np.random.default_rng(2)
    features = dataset(return_X_y=True)[0]
    rows = features[:100] * chance.uniform(0.5, 1.5, features[:100].shape)
    rows[chance.random(rows.shape) < 0.2] = np.nan
    rows[0, :] = np.inf
    rows[1, :] = -np.inf
    for row in rows:
        values = array("f", row)
        expected = booster.predict(values, booster.columns).values
        np.testing.assert_allclose(predict(values.tolist()), expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_value_equal_to_a_threshold_goes_the_same_way():
    booster = trained(load_diabetes, objective="reg:squarederror")
    document = booster.document(BYTES_MAX)
    predict = compiled(document, 0)
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        row = array("f", [0.0] * booster.columns)
        for feature, threshold in zip(tree["split_indices"], tree["split_conditions"], strict=True):
            row[feature] = threshold
        assert predict(row.tolist()) == pytest.approx(booster.predict(row, len(row)).values, rel=TOLERANCE)


def test_a_moved_threshold_parts_numbers_as_rounding_them_would():
    chance = random.Random(3)
    special = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0**-149, -(2.0**-149), 2.0**-126, 3.4028232635611926e38, 16777216.0]
    for threshold in [*special, *(chance.gauss(0, 1) * 10 ** chance.randint(-30, 30) for _ in range(500))]:
        threshold = float(np.float32(threshold))
        neighbours = [float(np.nextafter(np.float32(threshold), np.float32(to))) for to in (-np.inf, np.inf)]
        near = [threshold, *neighbours, *((each + threshold) / 2 for each in neighbours)]
        for number in [
            each for point in near for each in (np.nextafter(point, -np.inf), point, np.nextafter(point, np.inf))
        ]:
            assert (number < bound(threshold)) == bool(np.float32(number) < np.float32(threshold)), (number, threshold)


@pytest.mark.parametrize(
    "params",
    [{"booster": "dart", "rate_drop": 0.5}, {"booster": "gblinear"}, {"objective": "count:poisson"}],
)
def test_what_cannot_be_expressed_is_refused_with_its_reason(params):
    with pytest.raises(NotCompilable, match=next(iter(params.values()))):
        compiled(trained(load_diabetes, **params).document(BYTES_MAX), 0)


def staircase(steps: int) -> dict[str, list[float]]:
    """Return a tree whose left child is always a leaf."""
    lefts = [node + 1 if node % 2 == 0 and node < 2 * steps else LEAF for node in range(2 * steps + 1)]
    return {
        "left_children": lefts,
        "right_children": [LEAF if left == LEAF else left + 1 for left in lefts],
        "split_indices": [0] * len(lefts),
        "split_conditions": [float(node) for node in range(len(lefts))],
        "default_left": [0] * len(lefts),
        "split_type": [0] * len(lefts),
    }


@pytest.mark.parametrize(
    ("trees", "reason"),
    [
        ([staircase(DEPTH_MAX + 1)], "deeper"),
        ([staircase(DEPTH_MAX)] * (NODES_MAX // DEPTH_MAX), "nodes"),
        ([{**staircase(1), "split_conditions": [float("inf"), 0.0, 0.0]}], "finite"),
    ],
)
def test_trees_beyond_what_python_compiles_well_are_refused(trees, reason):
    document = trained(load_diabetes, rounds=1).document(BYTES_MAX)
    document["learner"]["gradient_booster"]["model"].update(trees=trees, tree_info=[0] * len(trees))
    with pytest.raises(NotCompilable, match=reason):
        compiled(document, 0)


def test_the_deepest_tree_allowed_is_compiled():
    document = trained(load_diabetes, rounds=1).document(BYTES_MAX)
    document["learner"]["learner_model_param"]["base_score"] = "0"
    document["learner"]["gradient_booster"]["model"]["trees"] = [staircase(DEPTH_MAX)]
    predict = compiled(document, 0)
    assert [predict([value])[0] for value in (-1.0, 1.0, 1e6)] == [1.0, 3.0, 2.0 * DEPTH_MAX]


def test_splits_by_category_stay_with_the_library():
    features = np.array([[0], [1], [2], [3]] * 25, np.float32)
    matrix = xgboost.DMatrix(features, features[:, 0] % 2, feature_types=["c"], enable_categorical=True)
    model = xgboost.train({"nthread": 1, "max_cat_to_onehot": 1}, matrix, 2)
    booster = Booster(load_library(), bytes(model.save_raw("ubj")))
    with pytest.raises(NotCompilable, match="category"):
        compiled(booster.document(BYTES_MAX), 0)


def test_a_model_that_is_too_large_is_not_looked_at():
    with pytest.raises(LibraryError, match="larger than 10 bytes"):
        trained(load_diabetes).document(10)


def test_only_what_proves_faster_is_used():
    booster = trained(load_breast_cancer, objective="binary:logistic")
    assert accelerated(booster, chance=random.Random(1), stopwatch=time.perf_counter) is not None
    still = accelerated(booster, chance=random.Random(1), stopwatch=lambda: 0.0)
    assert still is None


def test_several_rows_are_predicted_in_their_order():
    booster = trained(load_wine, objective="multi:softprob", num_class=3)
    found = accelerated(booster, chance=random.Random(1), stopwatch=time.perf_counter)
    values = array("f", load_wine(return_X_y=True)[0][:ROWS_MAX].flatten())
    told, expected = found.predict(values, booster.columns), booster.predict(values, booster.columns)
    assert told.width == expected.width == 3
    np.testing.assert_allclose(told.values, expected.values, rtol=TOLERANCE, atol=TOLERANCE)


def test_rounds_after_the_best_one_do_not_count():
    features, labels = load_diabetes(return_X_y=True)
    model = xgboost.train({"nthread": 1}, xgboost.DMatrix(features, labels), 10)
    model.set_attr(best_iteration="2")
    booster = Booster(load_library(), bytes(model.save_raw("ubj")))
    assert booster.rounds_end == 3
    row = array("f", features[0])
    predict = compiled(booster.document(BYTES_MAX), booster.rounds_end)
    assert predict(row.tolist()) == pytest.approx(booster.predict(row, len(row)).values, rel=TOLERANCE)


def test_a_plain_row_is_rounded_as_the_library_rounds_it():
    booster = trained(load_diabetes, objective="reg:squarederror")
    hosted = HostedModel(booster, "text/csv", ())
    chance = np.random.default_rng(4)
    bodies = [",".join(map(repr, row)).encode() for row in chance.normal(0, 0.05, (50, booster.columns)).tolist()]
    requests = [Request("POST", "/invocations", {"content-type": "text/csv"}, body) for body in bodies]
    before = [float(hosted.answer(each).body) for each in requests]
    hosted.accelerate()
    assert [float(hosted.answer(each).body) for each in requests] == pytest.approx(before, rel=TOLERANCE)


@pytest.mark.parametrize(("variables", "said"), [({}, "Acceleration: on"), ({"CLARY_ACCELERATION": "off"}, "")])
def test_the_choice_is_logged_and_can_be_switched_off(tmp_path, caplog, variables, said):
    features, labels = load_breast_cancer(return_X_y=True)
    model = xgboost.train({"nthread": 1, "objective": "binary:logistic"}, xgboost.DMatrix(features, labels), 20)
    (tmp_path / "xgboost-model").write_bytes(model.save_raw("ubj"))
    caplog.set_level(logging.INFO, LOG.name)
    LOG.addHandler(caplog.handler)
    try:
        hosted = loader(tmp_path, variables)()
        for thread in threading.enumerate():
            if thread.name == "accelerate":
                thread.join()
    finally:
        LOG.removeHandler(caplog.handler)
    assert (said in caplog.text) if said else (caplog.text == "")
    line = ",".join(repr(float(value)) for value in features[0]).encode()
    answer = hosted.answer(Request("POST", "/invocations", {"content-type": "text/csv"}, line))
    assert float(answer.body) == pytest.approx(model.predict(xgboost.DMatrix(features[:1]))[0], abs=TOLERANCE)
