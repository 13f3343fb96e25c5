"""SageMaker Python SDK v2: script mode with scikit-learn, logs and metrics, then an endpoint, as users write it.

Run as `python sdk2_sklearn.py ROLE_ARN`; the last line printed is JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import two_clouds
from sagemaker import Session
from sagemaker.sklearn import SKLearn

session = Session()
train = session.upload_data(two_clouds.write("train.csv", 400, seed=1), key_prefix="two-clouds/sklearn/train")
estimator = SKLearn(
    entry_point="train.py",
    source_dir=str(Path(__file__).parent / "source"),
    framework_version="1.2-1",
    py_version="py3",
    role=sys.argv[1],
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"regularization": 0.5, "label": "two words"},
    metric_definitions=[{"Name": "accuracy", "Regex": "accuracy=([0-9.]+);"}],
    sagemaker_session=session,
)
estimator.fit({"train": train})
predictor = estimator.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
try:
    session.wait_for_endpoint(predictor.endpoint_name, poll=1)
    features, labels = two_clouds.make(50, seed=3)
    predictions = predictor.predict(features)
finally:
    predictor.delete_model()
    predictor.delete_endpoint()
described = session.describe_training_job(estimator.latest_training_job.name)
result = {
    "job": estimator.latest_training_job.name,
    "metrics": {metric["MetricName"]: metric["Value"] for metric in described["FinalMetricDataList"]},
    "predictions": predictions.tolist(),
    "accuracy": float((predictions == labels).mean()),
}
print(json.dumps(result))
