"""SageMaker Python SDK v2: the built-in XGBoost, from fit to predict, as a user writes it for AWS.

Run as `python sdk2_xgboost.py ROLE_ARN`; the last line printed is JSON.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import two_clouds
from sagemaker import Session, image_uris
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

session = Session()
prefix = "two-clouds/xgboost"
channels = {
    name: TrainingInput(
        session.upload_data(two_clouds.write(f"{name}.csv", rows, seed), key_prefix=f"{prefix}/{name}"),
        content_type="text/csv",
    )
    for name, rows, seed in [("train", 400, 1), ("validation", 100, 2)]
}
estimator = Estimator(
    image_uri=image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1"),
    role=sys.argv[1],
    instance_count=1,
    instance_type="ml.m5.large",
    output_path=f"s3://{session.default_bucket()}/{prefix}/output",
    hyperparameters={"objective": "binary:logistic", "num_round": 20, "max_depth": 3, "eval_metric": "error"},
    sagemaker_session=session,
)
estimator.fit(channels, logs=False)
predictor = estimator.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    serializer=CSVSerializer(),
    deserializer=CSVDeserializer(),
)
try:
    features, labels = two_clouds.make(50, seed=3)
    scores = np.array(predictor.predict(features), dtype=float).ravel()
finally:
    predictor.delete_model()
    predictor.delete_endpoint()
result = {
    "job": estimator.latest_training_job.name,
    "model_data": estimator.model_data,
    "endpoint": predictor.endpoint_name,
    "predictions": scores.tolist(),
    "accuracy": float(((scores > 0.5) == labels).mean()),
}
print(json.dumps(result))
