"""The host of a training job: what its instance must be, as a function of the job alone."""

from __future__ import annotations

from typing import Any

from clary.resources.instance import InstanceSpec, Log, MetricRules, Training
from clary.resources.training_job import TrainingJob

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
NAMESPACE = "/aws/sagemaker/TrainingJobs"
NODE = "local"
HOST = "algo-1"
GROUP = "homogeneousCluster"
INTERFACE = "lo"
"""The one network interface of a host; jobs of several hosts will have a bridge."""
GIB = 2**30
VOLUME_GIB = 30
"""The size of a volume where none is given."""


def host_of(job: TrainingJob) -> InstanceSpec:
    """Return the instance that runs a job's algorithm."""
    algorithm, resources = job.spec["AlgorithmSpecification"], job.spec["ResourceConfig"]
    return InstanceSpec(
        node=NODE,
        image=algorithm["TrainingImage"],
        instance_type=resources["InstanceType"],
        zone=f"{job.region}a",
        host_name=HOST,
        role_arn=job.spec["RoleArn"],
        entrypoint=[*algorithm.get("ContainerEntrypoint", ()), *algorithm.get("ContainerArguments", ())],
        environment={
            **job.spec.get("Environment", {}),
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": job.arn,
        },
        isolated=job.spec.get("EnableNetworkIsolation", False),
        log=Log(LOG_GROUP, f"{job.name}/{HOST}-{int(job.created)}"),
        metrics=MetricRules(
            namespace=NAMESPACE,
            dimensions={"TrainingJobName": job.name},
            definitions=algorithm.get("MetricDefinitions", ()),
        ),
        volume_bytes=resources.get("VolumeSizeInGB", VOLUME_GIB) * GIB,
        training=_training(job, resources),
    )


def _training(job: TrainingJob, resources: dict[str, Any]) -> Training:
    output = job.spec["OutputDataConfig"]
    return Training(
        job_name=job.name,
        job_arn=job.arn,
        hyperparameters=job.spec.get("HyperParameters", {}),
        channels=job.spec.get("InputDataConfig", ()),
        resource_config={
            "current_host": HOST,
            "current_instance_type": resources["InstanceType"],
            "current_group_name": GROUP,
            "hosts": [HOST],
            "instance_groups": [
                {"instance_group_name": GROUP, "instance_type": resources["InstanceType"], "hosts": [HOST]}
            ],
            "network_interface_name": INTERFACE,
        },
        output_s3=f"{output['S3OutputPath'].rstrip('/')}/{job.name}",
        runtime_s_max=job.spec["StoppingCondition"]["MaxRuntimeInSeconds"],
        output_compressed=output.get("CompressionType", "GZIP") == "GZIP",
        checkpoint=job.spec.get("CheckpointConfig", {}),
    )
