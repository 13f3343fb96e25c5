"""The model as the peers' programs load it: rows to probabilities, with one thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def loaded() -> Callable[[Floats], Any]:
    """Return the prediction of a matrix of rows by the model that PEER_MODEL names."""
    booster = xgboost.Booster(model_file=os.environ["PEER_MODEL"])
    booster.set_param({"nthread": 1})
    return booster.inplace_predict
