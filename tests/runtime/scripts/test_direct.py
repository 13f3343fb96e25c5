"""The short way to a scikit-learn model's prediction tells what the model tells, or is not taken."""

from __future__ import annotations

import time
from itertools import count

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import DMatrix, XGBClassifier, XGBRanker, XGBRegressor, train

from clary_runtime.scripts import direct as page
from clary_runtime.scripts.boosted import Rowed
from clary_runtime.scripts.direct import ROWS_MAX, direct

DRAWING = np.random.default_rng(7)
ROWS = DRAWING.normal(size=(300, 5))
TWO = (ROWS[:, 0] > ROWS[:, 1]).astype(int)
THREE = np.array(["a", "b", "c"])[DRAWING.integers(0, 3, 300)]
NUMBER = ROWS @ [1.0, 2.0, 3.0, 4.0, 5.0]
SHORT = {
    "two classes": LogisticRegression().fit(ROWS, TWO),
    "three classes": LogisticRegression().fit(ROWS, THREE),
    "stochastic": SGDClassifier(random_state=0).fit(ROWS, THREE),
    "line": LinearRegression().fit(ROWS, NUMBER),
    "two lines": LinearRegression().fit(ROWS, np.stack([NUMBER, -NUMBER], axis=1)),
    "ridge of 32 bits": Ridge().fit(ROWS.astype("f4"), NUMBER.astype("f4")),
    "tree": DecisionTreeClassifier().fit(ROWS, THREE),
    "tree of numbers": DecisionTreeRegressor().fit(ROWS, NUMBER),
    "forest": RandomForestClassifier(8, random_state=0).fit(ROWS, THREE),
    "forest with threads": RandomForestClassifier(8, n_jobs=2).fit(ROWS, TWO),
    "forest of numbers": RandomForestRegressor(8, random_state=0).fit(ROWS, NUMBER),
    "extra trees": ExtraTreesClassifier(8).fit(ROWS, TWO),
    "boosted, three classes": GradientBoostingClassifier(n_estimators=5).fit(ROWS, THREE),
    "scaled": make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TWO),
    "scaled twice": make_pipeline(MinMaxScaler(), StandardScaler(), Ridge()).fit(ROWS, NUMBER),
}
BOOSTED = {
    "two classes": GradientBoostingClassifier(n_estimators=5).fit(ROWS, TWO),
    "numbers": GradientBoostingRegressor(n_estimators=5).fit(ROWS, NUMBER),
    "from nothing": GradientBoostingRegressor(n_estimators=5, init="zero").fit(ROWS, NUMBER),
}
XGB = {"n_estimators": 10, "n_jobs": 1}
XGBOOST = {
    "two classes": XGBClassifier(**XGB).fit(ROWS, TWO),
    "three classes": XGBClassifier(**XGB).fit(ROWS, DRAWING.integers(0, 3, 300)),
    "numbers": XGBRegressor(**XGB, base_score=3.0).fit(ROWS, NUMBER),
    "stopped early": XGBRegressor(n_estimators=50, n_jobs=1, early_stopping_rounds=1, learning_rate=1.0).fit(
        ROWS[:200], NUMBER[:200], eval_set=[(ROWS[200:], NUMBER[200:])], verbose=False
    ),
    "a booster of its own": Rowed(train({"objective": "binary:logistic", "nthread": 1}, DMatrix(ROWS, TWO), 10)),
    "a booster of classes": Rowed(
        train({"objective": "multi:softprob", "num_class": 2, "nthread": 1}, DMatrix(ROWS, TWO), 5)
    ),
}


class Cautious(LogisticRegression):
    """Somebody's own model, which predicts otherwise."""

    def predict(self, X):  # noqa: N803 - its name in scikit-learn
        return np.zeros(len(X), dtype=int)


LONG = {
    "somebody's own": Cautious().fit(ROWS, TWO),
    "another step": make_pipeline(PolynomialFeatures(2), Ridge()).fit(ROWS, NUMBER),
    "a scaler that clips": make_pipeline(MinMaxScaler(clip=True), Ridge()).fit(ROWS, NUMBER),
    "another kind": HistGradientBoostingClassifier(max_iter=2).fit(ROWS, TWO),
    "several outputs": RandomForestRegressor(2).fit(ROWS, ROWS[:, :2]),
    "begins with a model": GradientBoostingRegressor(n_estimators=2, init=LinearRegression()).fit(ROWS, NUMBER),
    "no model": object(),
    "boosted lines": XGBRegressor(**XGB, booster="gblinear").fit(ROWS, NUMBER),
    "boosted counts": XGBRegressor(**XGB, objective="count:poisson").fit(ROWS, abs(NUMBER)),
    "boosted dropouts": XGBRegressor(**XGB, booster="dart", rate_drop=0.5).fit(ROWS, NUMBER),
    "boosted ranks": XGBRanker(**XGB).fit(ROWS, TWO, qid=np.zeros(300)),
}


def found(model):
    """Find the short way where the longer way always takes longer: the machine's load is not what is tested."""
    times = count()
    slow = iter([10.0] * page.TIMED_ROUNDS)
    now = [0.0]

    def stopwatch() -> float:
        if next(times) % 2:
            now[0] += next(slow, 1.0)
        return now[0]

    return direct(model, stopwatch=stopwatch)


@pytest.mark.parametrize(
    "model",
    [*SHORT.values(), *BOOSTED.values(), *XGBOOST.values()],
    ids=[*SHORT, *BOOSTED, *(f"xgboost, {each}" for each in XGBOOST)],
)
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_it_tells_what_the_model_tells(model, kind):
    way = found(model)
    assert way is not None
    for rows in (ROWS[:1], ROWS[:ROWS_MAX], ROWS):
        given = rows.astype(kind)
        told, expected = way.predict(given), model.predict(given)
        assert (told.dtype, told.shape) == (expected.dtype, expected.shape)
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(told, expected, rtol=1e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(told, expected)


@pytest.mark.parametrize("model", LONG.values(), ids=LONG)
def test_what_has_no_short_way_or_would_tell_something_else_is_left_alone(model):
    assert found(model) is None


def test_a_short_way_that_lies_is_not_taken(monkeypatch):
    monkeypatch.setattr(page, "_product", lambda model: lambda rows: rows @ model.coef_.T * 1.1)
    assert found(SHORT["line"]) is None


def test_a_short_way_that_is_no_faster_is_not_taken():
    assert direct(SHORT["line"], stopwatch=lambda: 0.0) is None


def test_what_the_model_refuses_it_refuses_in_its_own_words():
    way = found(SHORT["two classes"])
    with pytest.raises(ValueError, match="contains NaN"):
        way.predict(np.array([[np.nan] * 5]))
    with pytest.raises(ValueError, match="infinity"):
        way.predict(np.array([[np.inf] * 5]))
    with pytest.raises(ValueError, match="expecting 5 features"):
        way.predict(np.zeros((1, 4)))
    assert way.predict(ROWS[:1].tolist()) == SHORT["two classes"].predict(ROWS[:1])


def test_it_is_faster_for_one_row_than_the_checks_of_a_whole_forest():
    assert direct(SHORT["forest with threads"], stopwatch=time.perf_counter) is not None
