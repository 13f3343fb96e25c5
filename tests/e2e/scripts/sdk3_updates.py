"""SageMaker Python SDK v3: an endpoint of sagemaker.core resources, its weights and its configuration changed.

Run as `python sdk3_updates.py ROLE_ARN MODEL_DATA_A MODEL_DATA_B`; the last line printed is JSON.
"""

from __future__ import annotations

import json
import sys

import two_clouds
from sagemaker.core import image_uris
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, DesiredWeightAndCapacity, ProductionVariant

role, *data = sys.argv[1:]
image = image_uris.retrieve("xgboost", "us-east-1", "1.7-1", instance_type="ml.m5.large")
models = {
    name: Model.create(
        model_name=f"clouds-{name}",
        primary_container=ContainerDefinition(image=image, model_data_url=where),
        execution_role_arn=role,
    )
    for name, where in zip("ab", data, strict=True)
}


def variant(name: str, weight: float) -> ProductionVariant:
    return ProductionVariant(
        variant_name=name.upper(), model_name=f"clouds-{name}", instance_type="ml.m5.large",
        initial_instance_count=1, initial_variant_weight=weight,
    )  # fmt: skip


def ask() -> tuple[str, float]:
    answer = endpoint.invoke(body=row, content_type="text/csv", accept="text/csv")
    return answer.invoked_production_variant, float(answer.body.read())


row = two_clouds.as_csv(two_clouds.make(1, seed=3)[0])
both = EndpointConfig.create(endpoint_config_name="both", production_variants=[variant("a", 1.0), variant("b", 0.0)])
only = EndpointConfig.create(endpoint_config_name="only-b", production_variants=[variant("b", 1.0)])
endpoint = Endpoint.create(endpoint_name="clouds", endpoint_config_name="both")
endpoint.wait_for_status("InService", poll=1, timeout=300)
first = ask()
endpoint.update_weights_and_capacities(
    desired_weights_and_capacities=[
        DesiredWeightAndCapacity(variant_name="A", desired_weight=0.0),
        DesiredWeightAndCapacity(variant_name="B", desired_weight=1.0),
    ]
)
endpoint.wait_for_status("InService", poll=1, timeout=300)
shifted = ask()
endpoint.endpoint_config_name = "only-b"
endpoint.update(retain_all_variant_properties=False)
endpoint.wait_for_status("InService", poll=1, timeout=300)
endpoint.refresh()
last = ask()
result = {
    "first": first,
    "shifted": shifted,
    "last": last,
    "config": endpoint.endpoint_config_name,
    "capture": bool(getattr(endpoint, "data_capture_config", None)),
    "variants": [each.variant_name for each in endpoint.production_variants],
}
endpoint.delete()
endpoint.wait_for_delete(poll=1, timeout=300)
for each in (both, only, *models.values()):
    each.delete()
print("\n" + json.dumps(result))
