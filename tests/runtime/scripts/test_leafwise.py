"""What LightGBM predicted is what its trees say as Python; what they cannot say is left to LightGBM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from clary_runtime.scripts.leafwise import shortcut, thresholds
from clary_runtime.trees import NotCompilable

RECORDED = json.loads(Path(__file__).with_name("lightgbm_models.json").read_text())
ROWS = np.array(RECORDED["rows"])
REFUSED = {
    "a forest": "averaged: True",
    "counts": "poisson",
    "square roots": "sqrt",
    "nothing is missing": "missing values are Zero",
    "categories": "splits by ==",
}


class Document(NamedTuple):
    """Stands where a model of LightGBM keeps its trees: as LightGBM itself told them."""

    told: Any

    def dump_model(self) -> Any:
        return self.told


class Model(NamedTuple):
    booster_: Document
    classes_: Any


def recorded(name: str) -> tuple[Model, Any]:
    found = RECORDED["models"][name]
    return Model(Document(found["document"]), np.array(found["classes"])), np.array(found["told"])


@pytest.mark.parametrize("name", sorted(set(RECORDED["models"]) - set(REFUSED)))
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_trees_tell_what_lightgbm_told(name, kind):
    model, told = recorded(name)
    rows = ROWS.astype(kind)
    same = slice(None) if kind == "f8" else (rows == ROWS).all(axis=1) | (np.arange(len(ROWS)) < 20)
    found = shortcut(model)(rows)
    assert (found.dtype, found.shape) == (told.dtype, told.shape)
    if told.dtype.kind == "f":
        np.testing.assert_allclose(found[same], told[same], rtol=1e-12)
    else:
        np.testing.assert_array_equal(found[same], told[same])


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=list(REFUSED))
def test_what_trees_cannot_tell_so_is_refused_with_its_reason(name, reason):
    with pytest.raises(NotCompilable, match=reason):
        shortcut(recorded(name)[0])


def test_the_thresholds_are_those_of_all_trees():
    model, _ = recorded("numbers")
    found = set(thresholds(model).tolist())
    assert {row[0] for row in RECORDED["rows"][20:]} <= found
