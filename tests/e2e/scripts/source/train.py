"""A training script as users write them for the scikit-learn images: fits a classifier, and tells how to serve it."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression


def model_fn(model_dir):
    """Load what `main` saved; the serving image calls this once."""
    return joblib.load(Path(model_dir) / "model.joblib")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--regularization", type=float, default=1.0)
    parser.add_argument("--label", type=str, default="")
    arguments = parser.parse_args()
    rows = np.loadtxt(Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.csv", delimiter=",")
    model = LogisticRegression(C=arguments.regularization).fit(rows[:, 1:], rows[:, 0])
    print(f"label={arguments.label} accuracy={model.score(rows[:, 1:], rows[:, 0]):.4f};", flush=True)
    kept = Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, kept / "model.joblib")
    (kept / "code").mkdir(exist_ok=True)
    shutil.copy(__file__, kept / "code" / "train.py")


if __name__ == "__main__":
    main()
