"""SageMaker Python SDK v2: an A/B test of two models, then updates of the endpoint that serves them.

Run as `python sdk2_updates.py ROLE_ARN MODEL_DATA_A MODEL_DATA_B`; the last line printed is JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter

import two_clouds
from sagemaker import Session, image_uris
from sagemaker.deserializers import CSVDeserializer
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer
from sagemaker.session import production_variant

CALLS = 40
role, *data = sys.argv[1:]
session = Session()
image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
names = ["clouds-a", "clouds-b"]
for name, where in zip(names, data, strict=True):
    Model(image, model_data=where, role=role, name=name, sagemaker_session=session).create("ml.m5.large")
variants = [
    production_variant(name, "ml.m5.large", 1, variant_name=variant, initial_weight=weight)
    for name, variant, weight in zip(names, ("A", "B"), (3, 1), strict=True)
]
session.endpoint_from_production_variants("clouds", variants, wait=False)
session.wait_for_endpoint("clouds", poll=1)
predictor = Predictor("clouds", session, serializer=CSVSerializer(), deserializer=CSVDeserializer())
runtime = session.sagemaker_runtime_client
row = two_clouds.as_csv(two_clouds.make(1, seed=3)[0])
counts = Counter(
    runtime.invoke_endpoint(EndpointName="clouds", Body=row, ContentType="text/csv")["InvokedProductionVariant"]
    for _ in range(CALLS)
)
aimed = {variant: float(predictor.predict(row, target_variant=variant)[0][0]) for variant in ("A", "B")}

predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large", model_name="clouds-b", wait=False)
session.wait_for_endpoint("clouds", poll=1)
described = session.describe_endpoint("clouds")
updated = float(predictor.predict(row)[0][0])
config = session.sagemaker_client.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])

predictor.delete_endpoint()
for name in names:
    session.delete_model(name)
result = {
    "counts": counts,
    "aimed": aimed,
    "updated": updated,
    "variants": [[each["VariantName"], each["CurrentInstanceCount"]] for each in described["ProductionVariants"]],
    "capture": "DataCaptureConfig" in described or "DataCaptureConfig" in config,
}
print(json.dumps(result))
