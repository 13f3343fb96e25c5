"""The host of an endpoint's variant: what its instance must be, as a function of endpoint and variant alone."""

from __future__ import annotations

from clary.resources.endpoint import Endpoint, Slot
from clary.resources.instance import InstanceSpec, Log, MetricRules, Serving
from clary.resources.training_host import GIB, NODE, VOLUME_GIB
from clary.resources.zones import ZONES_DEFAULT, zone_of

LOG_GROUP = "/aws/sagemaker/Endpoints/"
NAMESPACE = "/aws/sagemaker/Endpoints"
STARTUP_S_MAX = 600
"""ContainerStartupHealthCheckTimeoutInSeconds and ModelDataDownloadTimeoutInSeconds where none is given."""


def host_of(endpoint: Endpoint, slot: Slot, zones: int = ZONES_DEFAULT) -> InstanceSpec:
    """Return the instance that serves one slot of an endpoint."""
    variant = slot.variant
    container = variant.model["container"]
    return InstanceSpec(
        node=NODE,
        image=container["Image"],
        instance_type=variant.instance_type,
        zone=zone_of(endpoint.region, zones, f"{endpoint.name}/{variant.name}", slot.index),
        host_name="model",
        role_arn=variant.model["role"],
        entrypoint=(),
        environment=container.get("Environment", {}),
        isolated=variant.model["isolated"],
        log=Log(LOG_GROUP + endpoint.name, f"{variant.name}/{slot.name}"),
        metrics=MetricRules(
            namespace=NAMESPACE,
            dimensions={"EndpointName": endpoint.name, "VariantName": variant.name},
            definitions=(),
        ),
        volume_bytes=variant.config.get("VolumeSizeInGB", VOLUME_GIB) * GIB,
        serving=Serving(
            endpoint=endpoint.name,
            variant=variant.name,
            model_data=_model_data(container),
            startup_s_max=variant.config.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_S_MAX),
            download_s_max=variant.config.get("ModelDataDownloadTimeoutInSeconds", STARTUP_S_MAX),
        ),
    )


def _model_data(container: dict[str, object]) -> dict[str, object]:
    source = container.get("ModelDataSource")
    if isinstance(source, dict):
        return dict(source["S3DataSource"])
    url = container.get("ModelDataUrl")
    return {"S3Uri": url, "S3DataType": "S3Object", "CompressionType": "Gzip"} if url else {}
