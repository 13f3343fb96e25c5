"""SageMaker Python SDK v3: the built-in XGBoost with ModelTrainer, then ModelBuilder's build, deploy and invoke.

Run as `python sdk3_builder.py ROLE_ARN`; the last line printed is JSON.
"""

from __future__ import annotations

import json
import sys

import two_clouds
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import EndpointConfig
from sagemaker.core.training.configs import Compute, InputData
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.model_trainer import ModelTrainer

role = sys.argv[1]
session = Session()
image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1", instance_type="ml.m5.large")
trainer = ModelTrainer(
    training_image=image,
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"objective": "binary:logistic", "num_round": 20, "max_depth": 3, "eval_metric": "error"},
    base_job_name="two-clouds",
    role=role,
    sagemaker_session=session,
)
channels = [
    InputData(channel_name=name, data_source=two_clouds.write(f"{name}.csv", rows, seed), content_type="text/csv")
    for name, rows, seed in [("train", 400, 1), ("validation", 100, 2)]
]
trainer.train(input_data_config=channels, logs=False)
job = trainer._latest_training_job
job.refresh()

builder = ModelBuilder(
    image_uri=image,
    s3_model_data_url=job.model_artifacts.s3_model_artifacts,
    role_arn=role,
    instance_type="ml.m5.large",
    sagemaker_session=session,
)
model = builder.build()
endpoint = builder.deploy(wait=False)
try:
    endpoint.wait_for_status("InService", poll=1, timeout=300)
    features, labels = two_clouds.make(50, seed=3)
    answer = endpoint.invoke(body=two_clouds.as_csv(features), content_type="text/csv", accept="text/csv")
    scores = [float(score) for score in answer.body.read().decode().replace(",", "\n").split()]
finally:
    endpoint.delete()
    endpoint.wait_for_delete(poll=1, timeout=300)
    EndpointConfig.get(endpoint_config_name=endpoint.endpoint_name).delete()
    model.delete()
result = {
    "job": job.training_job_name,
    "endpoint": endpoint.endpoint_name,
    "predictions": scores,
    "accuracy": sum((score > 0.5) == bool(label) for score, label in zip(scores, labels, strict=True)) / len(labels),
}
print("\n" + json.dumps(result))
