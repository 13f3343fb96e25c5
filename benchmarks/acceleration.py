"""What one row costs a script's model: by its `predict`, and by its own parts as the model server calls them.

python benchmarks/acceleration.py
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from clary_runtime.logs import LOG
from clary_runtime.scripts.direct import direct

ROUNDS = 50
DRAWING = np.random.default_rng(0)
ROWS = DRAWING.normal(size=(1000, 30))
TOLD = (ROWS[:, 0] > ROWS[:, 1]).astype(int)
MODELS = {
    "LinearRegression": LinearRegression(),
    "LogisticRegression": LogisticRegression(),
    "StandardScaler, LogisticRegression": make_pipeline(StandardScaler(), LogisticRegression()),
    "DecisionTreeClassifier": DecisionTreeClassifier(),
    "RandomForestClassifier, 100 trees": RandomForestClassifier(100),
    "RandomForestRegressor, 100 trees": RandomForestRegressor(100),
    "GradientBoostingClassifier, 100 trees": GradientBoostingClassifier(),
    "XGBClassifier, 100 trees": XGBClassifier(n_estimators=100, n_jobs=1),
}


def least_us(predict: Callable[[object], object], rows: object) -> float:
    """Microseconds of the quickest of some predictions."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        predict(rows)
        times.append(time.perf_counter() - began)
    return min(times) * 1e6


def main() -> None:
    """Print a line a model: microseconds for one row and for sixteen, and the ratios."""
    LOG.setLevel(logging.WARNING)
    print(f"{'us':40} {'predict':>9} {'direct':>9} {'ratio':>6}   16 rows: {'predict':>9} {'direct':>9} {'ratio':>6}")
    for name, model in MODELS.items():
        model.fit(ROWS, TOLD)
        way = direct(model, stopwatch=time.perf_counter)
        cells = []
        for rows in (ROWS[:1], ROWS[:16]):
            slow, fast = (least_us(each, rows) for each in (model.predict, way.predict if way else model.predict))
            cells.append(f"{slow:9.0f} {fast:9.0f} {slow / fast:6.1f}")
        print(f"{name:40} {'            '.join(cells)}{'' if way else '   not taken: no faster'}")


if __name__ == "__main__":
    main()
