"""The demo's steps by name, for those who show them before anything heavy is imported."""

from __future__ import annotations

START = "Start Clary on an empty home"
PUT = "Put data and code into S3"
TRAIN = "Train {}"
DEPLOY = "Deploy {}"
ASK = "Ask {}"
CHECK = "Check {}"
DELETE = "Delete everything"
STOP = "Stop Clary"
XGBOOST = "built-in XGBoost"
SKLEARN = "scikit-learn script"
STEPS = (
    PUT,
    *(verb.format(model) for model in (XGBOOST, SKLEARN) for verb in (TRAIN, DEPLOY, ASK, CHECK)),
    DELETE,
)
