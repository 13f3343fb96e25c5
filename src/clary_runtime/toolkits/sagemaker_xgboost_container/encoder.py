"""Request bodies as matrices."""

from __future__ import annotations

from typing import Any

from clary_runtime.scripts import defaults


def csv_to_dmatrix(input: str | bytes, dtype: Any = None) -> Any:  # noqa: A002 - AWS's signature
    """Return a CSV body as an `xgboost.DMatrix`."""
    return defaults.xgboost_input(input, "text/csv")


def libsvm_to_dmatrix(string_like: str | bytes) -> Any:
    """Return a libsvm body as an `xgboost.DMatrix`."""
    return defaults.xgboost_input(string_like, "text/libsvm")


def decode(obj: str | bytes, content_type: str) -> Any:
    """Return a body of any format the image knows as an `xgboost.DMatrix`."""
    return defaults.xgboost_input(obj, content_type)
