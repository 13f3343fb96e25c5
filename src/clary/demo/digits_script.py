"""A user's scikit-learn script as SageMaker has it: as a program it trains, by its functions it serves.

The demo submits this file as `train.py`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODEL = "model.joblib"


def train(rows: Any, labels: Any, epochs: int, hidden: int) -> Any:
    """Return a trained pipeline, telling the loss as it goes."""
    scaler = StandardScaler().fit(rows)
    network = MLPClassifier((hidden,), random_state=0)
    for epoch in range(1, epochs + 1):
        network.partial_fit(scaler.transform(rows), labels, classes=np.unique(labels))
        sys.stdout.write(f"epoch={epoch}; loss={network.loss_:.6f};\n")
    return make_pipeline(scaler, network)


def model_fn(folder: str) -> Any:
    """Return the model that training left."""
    return joblib.load(Path(folder) / MODEL)


def predict_fn(rows: Any, model: Any) -> Any:
    """Return each row's probability of every digit."""
    return model.predict_proba(rows)


def main() -> None:
    """Train with what SageMaker's environment and arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    chosen = parser.parse_args()
    table = np.loadtxt(chosen.train / "digits.csv", delimiter=",")
    model = train(table[:, 1:], table[:, 0].astype(int), chosen.epochs, chosen.hidden)
    joblib.dump(model, chosen.model_dir / MODEL)


if __name__ == "__main__":
    main()
