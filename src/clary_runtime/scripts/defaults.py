"""What the framework images do where a customer's script leaves a function out.

Sources: sagemaker-scikit-learn-container `serving.py`, sagemaker-xgboost-container `serving.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary_runtime.scripts import codecs

MODEL_FN_MISSING = (
    "Please provide a model_fn implementation.\n"
    "See documentation for model_fn at https://github.com/aws/sagemaker-python-sdk"
)
XGBOOST_MODEL = "xgboost-model"
LIBSVM_TYPES = frozenset({"text/libsvm", "text/x-libsvm"})


@dataclass(frozen=True)
class Handlers:
    """The four steps of an inference: load once; then decode, predict, encode."""

    model_fn: Callable[..., Any]
    input_fn: Callable[..., Any]
    predict_fn: Callable[..., Any]
    output_fn: Callable[..., Any]


def _output(prediction: Any, accept: str) -> tuple[bytes, str]:
    return codecs.encode(prediction, accept), accept


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _sklearn_model(model_dir: str) -> Any:
    raise NotImplementedError(MODEL_FN_MISSING)


def _sklearn_input(content: str | bytes, content_type: str) -> Any:
    """Text holds 32-bit floats, as in AWS's image."""
    found = codecs.decode(_as_bytes(content), content_type)
    return found.astype("float32") if codecs.bare(content_type) in codecs.TEXT_TYPES else found


def _sklearn_predict(data: Any, model: Any) -> Any:
    return model.predict(data)


def _xgboost_model(model_dir: str) -> Any:
    """Load the file a training script leaves under AWS's usual name."""
    import xgboost

    path = Path(model_dir) / XGBOOST_MODEL
    if not path.is_file():
        raise NotImplementedError(
            f"{MODEL_FN_MISSING}\n(no {XGBOOST_MODEL} in {model_dir}, so the default cannot help)"
        )
    return xgboost.Booster(model_file=bytearray(path.read_bytes()))


def xgboost_input(content: str | bytes, content_type: str) -> Any:
    """Return a request's body as an `xgboost.DMatrix`."""
    import xgboost

    body = _as_bytes(content)
    if codecs.bare(content_type) in LIBSVM_TYPES:
        return _libsvm_matrix(body)
    return xgboost.DMatrix(codecs.decode(body, content_type))


def _libsvm_matrix(body: bytes) -> Any:
    import numpy as np
    import xgboost
    from scipy.sparse import csr_matrix

    from clary_runtime.algorithms.xgboost.payloads import libsvm_rows

    rows = libsvm_rows(body)
    shape = (len(rows.starts) - 1, rows.columns)
    parts = (np.array(rows.values), np.array(rows.indices), np.array(rows.starts, dtype=np.int64))
    return xgboost.DMatrix(csr_matrix(parts, shape=shape))


def xgboost_predict(data: Any, model: Any) -> Any:
    """Predict a matrix with the rounds up to the best one."""
    best = model.attr("best_iteration") if hasattr(model, "attr") else None
    if best is None:
        return model.predict(data, validate_features=False)
    return model.predict(data, iteration_range=(0, int(best) + 1), validate_features=False)


DEFAULTS: Mapping[str, Handlers] = {
    "sklearn": Handlers(_sklearn_model, _sklearn_input, _sklearn_predict, _output),
    "xgboost": Handlers(_xgboost_model, xgboost_input, xgboost_predict, _output),
}
