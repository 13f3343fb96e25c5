"""SageMaker Python SDK v3: ModelTrainer in script mode, then an endpoint of sagemaker.core resources.

Run as `python sdk3_trainer.py ROLE_ARN`; the last line printed is JSON.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

import two_clouds
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, MetricDefinition, ProductionVariant
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import ModelTrainer

role = sys.argv[1]
session = Session()
name = f"two-clouds-{uuid.uuid4().hex[:8]}"
image = image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1", py_version="py3", instance_type="ml.m5.large")
trainer = ModelTrainer(
    training_image=image,
    source_code=SourceCode(source_dir=str(Path(__file__).parent / "source"), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"regularization": 0.5, "label": "two words"},
    base_job_name=name,
    role=role,
    sagemaker_session=session,
).with_metric_definitions([MetricDefinition(name="accuracy", regex="accuracy=([0-9.]+);")])
train = two_clouds.write("train.csv", 400, seed=1)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=train)])
job = trainer._latest_training_job
job.refresh()

container = ContainerDefinition(
    image=image,
    model_data_url=job.model_artifacts.s3_model_artifacts,
    environment={"SAGEMAKER_PROGRAM": "train.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
)
model = Model.create(model_name=name, primary_container=container, execution_role_arn=role)
variant = ProductionVariant(
    variant_name="AllTraffic", model_name=name, instance_type="ml.m5.large", initial_instance_count=1
)
config = EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
try:
    endpoint.wait_for_status("InService", poll=1, timeout=300)
    features, labels = two_clouds.make(50, seed=3)
    answer = endpoint.invoke(body=two_clouds.as_csv(features), content_type="text/csv", accept="application/json")
    predictions = json.loads(answer.body.read())
finally:
    endpoint.delete()
    endpoint.wait_for_delete(poll=1, timeout=300)
    config.delete()
    model.delete()
result = {
    "job": job.training_job_name,
    "metrics": {metric.metric_name: metric.value for metric in job.final_metric_data_list},
    "variant": answer.invoked_production_variant,
    "predictions": predictions,
    "accuracy": sum(int(guess == truth) for guess, truth in zip(predictions, labels, strict=True)) / len(labels),
}
print("\n" + json.dumps(result))
