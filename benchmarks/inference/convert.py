"""The model for ONNX Runtime, converted by onnxmltools in the benchmark's environment; run there as a program."""

from __future__ import annotations

import sys
from pathlib import Path


def main(source: Path, converted: Path, columns: int) -> None:
    """Convert a binary classifier; the second output of the graph holds the probabilities of both classes."""
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    model = xgboost.XGBClassifier()
    model.load_model(source)
    graph = convert_xgboost(model, initial_types=[("row", FloatTensorType([None, columns]))])
    converted.write_bytes(graph.SerializeToString())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
