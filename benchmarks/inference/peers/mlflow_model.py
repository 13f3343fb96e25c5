"""The model in MLflow's own format, as `mlflow models serve` takes it.

python mlflow_model.py MODEL FOLDER
"""

from __future__ import annotations

import sys

import mlflow.xgboost
import xgboost

if __name__ == "__main__":
    mlflow.xgboost.save_model(xgboost.Booster(model_file=sys.argv[1]), sys.argv[2])
