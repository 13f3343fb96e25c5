"""Record small models of LightGBM and what they predict, where it is installed: `lightgbm_models.json` is from 4.7.0.

python tests/runtime/scripts/record_lightgbm.py
"""

from __future__ import annotations

import json
from pathlib import Path

import lightgbm
import numpy as np

DRAWING = np.random.default_rng(1)
ROWS = DRAWING.normal(size=(200, 4)).round(3)
ROWS[:, 3] = DRAWING.integers(0, 3, 200)
TWO = (ROWS[:, 0] > ROWS[:, 1]).astype(int)
THREE = np.array(["a", "b", "c"])[DRAWING.integers(0, 3, 200)]
NUMBER = (ROWS @ [1.0, 2.0, 3.0, 4.0]).round(3)
HOLED = np.where(DRAWING.random(ROWS.shape) < 0.1, np.nan, ROWS)
SMALL = {"n_estimators": 4, "num_leaves": 5, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}
MODELS = {
    "two classes": lightgbm.LGBMClassifier(**SMALL).fit(ROWS, TWO),
    "three classes": lightgbm.LGBMClassifier(**SMALL).fit(ROWS, THREE),
    "numbers": lightgbm.LGBMRegressor(**SMALL).fit(ROWS, NUMBER),
    "numbers, some missing": lightgbm.LGBMRegressor(**SMALL).fit(HOLED, NUMBER),
    "medians": lightgbm.LGBMRegressor(**SMALL, objective="l1").fit(ROWS, NUMBER),
    "a forest": lightgbm.LGBMRegressor(**SMALL, boosting_type="rf", bagging_freq=1, bagging_fraction=0.5).fit(
        ROWS, NUMBER
    ),
    "counts": lightgbm.LGBMRegressor(**SMALL, objective="poisson").fit(ROWS, abs(NUMBER)),
    "square roots": lightgbm.LGBMRegressor(**SMALL, reg_sqrt=True).fit(ROWS, NUMBER),
    "nothing is missing": lightgbm.LGBMRegressor(**SMALL, zero_as_missing=True).fit(ROWS, NUMBER),
    "categories": lightgbm.LGBMRegressor(**SMALL).fit(ROWS, NUMBER, categorical_feature=[3]),
}


def main() -> None:
    """Write what tests compare with: rows at, and next to, the trees' thresholds too."""
    rows = [*ROWS[:20].tolist(), *([number] * 4 for number in _thresholds()[:20])]
    told = {
        name: {
            "document": model.booster_.dump_model(),
            "classes": getattr(model, "classes_", np.array([])).tolist(),
            "told": model.predict(np.array(rows)).tolist(),
        }
        for name, model in MODELS.items()
    }
    path = Path(__file__).with_name("lightgbm_models.json")
    path.write_text(json.dumps({"rows": rows, "models": told}, separators=(",", ":")) + "\n")


def _thresholds() -> list[float]:
    return sorted(set(MODELS["numbers"].booster_.trees_to_dataframe()["threshold"].dropna().tolist()))


if __name__ == "__main__":
    main()
