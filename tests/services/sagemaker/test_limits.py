"""What an account may have is what its quotas say, and what exceeds them is refused in AWS's words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.resources.endpoint import ENDPOINT
from clary.resources.quotas import SAGEMAKER, named
from clary.services.operation import Platform
from clary.store.records import Change

ROLE = "arn:aws:iam::111111111111:role/r"
JOB = {
    "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
    "RoleArn": ROLE,
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


def code(name: str) -> str:
    quota = named(SAGEMAKER, name)
    assert quota is not None
    return quota.code


def limited(aws: Any, **values: float) -> Any:
    """Return the account on a Clary with these quotas."""
    text = ",".join(f"{code(name)}={value}" for name, value in values.items())
    return replace(aws, platform=Platform(aws.store, replace(aws.platform.settings, quotas=text)))


def make(aws: Any, name: str, count: int, type_: str = "ml.m5.large") -> None:
    sagemaker = aws("sagemaker")
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": count, "InstanceType": type_}
    sagemaker("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker("CreateEndpoint", EndpointName=name, EndpointConfigName=name)


def in_service(aws: Any, name: str) -> None:
    records = aws.store.records(aws.account, aws.region)
    records.update(records.find(ENDPOINT, name), Change(state="InService"))


@pytest.fixture(autouse=True)
def model(aws: Any) -> None:
    aws("sagemaker")("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)


def refusal(act: Any, *arguments: Any, **named_: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        act(*arguments, **named_)
    assert (caught.value.code, caught.value.status) == ("ResourceLimitExceeded", 400)
    return caught.value.message


def test_instances_of_a_type_are_counted_over_all_endpoints(aws: Any) -> None:
    here = limited(aws, **{"ml.m5.large for endpoint usage": 3})
    make(here, "one", 2)
    assert refusal(make, here, "two", 2) == (
        "The account-level service limit 'ml.m5.large for endpoint usage' is 3 Instances, with current utilization of "
        "2 Instances and a request delta of 2 Instances. Please use AWS Service Quotas to request an increase for "
        "this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota."
    )
    make(here, "other-type", 2, "ml.m5.xlarge")
    make(here, "three", 1)


def test_endpoints_and_their_instances_are_counted(aws: Any) -> None:
    here = limited(aws, **{"Number of endpoints": 1, "Number of instances across active endpoints": 2})
    assert "Number of instances across active endpoints" in refusal(make, here, "large", 3)
    make(here, "one", 1)
    assert "'Number of endpoints' is 1 Endpoints" in refusal(make, here, "two", 1)


def test_an_update_asks_for_the_difference_only(aws: Any) -> None:
    here = limited(aws, **{"ml.m5.large for endpoint usage": 3})
    make(here, "one", 2)
    in_service(here, "one")
    wanted = [{"VariantName": "v", "DesiredInstanceCount": 4}]
    resize = here("sagemaker")
    said = refusal(resize, "UpdateEndpointWeightsAndCapacities", EndpointName="one", DesiredWeightsAndCapacities=wanted)
    assert "utilization of 2 Instances and a request delta of 2 Instances" in said
    wanted[0]["DesiredInstanceCount"] = 3
    resize("UpdateEndpointWeightsAndCapacities", EndpointName="one", DesiredWeightsAndCapacities=wanted)


def test_what_was_granted_counts(aws: Any) -> None:
    here = limited(aws, **{"ml.m5.large for endpoint usage": 1})
    refusal(make, here, "one", 2)
    asked = {"ServiceCode": SAGEMAKER, "QuotaCode": code("ml.m5.large for endpoint usage")}
    here("service_quotas")("RequestServiceQuotaIncrease", **asked, DesiredValue=2.0)
    here("sagemaker")("CreateEndpoint", EndpointName="one", EndpointConfigName="one")


def test_training_jobs_are_counted_while_they_run(aws: Any) -> None:
    here = limited(aws, **{"ml.m5.large for training job usage": 1, "Longest run time for a training job": 100})
    create = here("sagemaker")
    create("CreateTrainingJob", TrainingJobName="one", **JOB)
    assert "ml.m5.large for training job usage" in refusal(create, "CreateTrainingJob", TrainingJobName="two", **JOB)
    long = {**JOB, "StoppingCondition": {"MaxRuntimeInSeconds": 101}}
    assert "'Longest run time for a training job' is 100 Seconds" in refusal(
        create, "CreateTrainingJob", TrainingJobName="long", **long
    )
