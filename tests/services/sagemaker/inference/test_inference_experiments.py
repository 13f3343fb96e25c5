from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clary.core.errors import ResourceInUse, ResourceNotFound, ServiceError, ValidationError
from clary.resources.endpoint import ENDPOINT
from clary.resources.inference_experiment import INFERENCE_EXPERIMENT, Experiment
from clary.store.records import Change

ROLE = "arn:aws:iam::111111111111:role/r"


def variant(name: str, count: int = 1, model: str = "m") -> dict[str, Any]:
    hardware = {"InstanceType": "ml.m5.large", "InstanceCount": count}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": hardware}
    return {"VariantName": name, "ModelName": model, "InfrastructureConfig": infrastructure}


def roles(percentage: int = 50, shadow: str = "candidate") -> dict[str, Any]:
    shadows = [{"ShadowModelVariantName": shadow, "SamplingPercentage": percentage}]
    return {"SourceModelVariantName": "main", "ShadowModelVariants": shadows}


def request(name: str = "x", **changes: Any) -> dict[str, Any]:
    wanted = {
        "Name": name,
        "Type": "ShadowMode",
        "RoleArn": ROLE,
        "EndpointName": "e",
        "ModelVariants": [variant("main"), variant("candidate")],
        "ShadowModeConfig": roles(),
    }
    return {**wanted, **changes}


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture(autouse=True)
def model(aws) -> None:
    aws("sagemaker")("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)


def describe(aws, name: str = "x") -> dict[str, Any]:
    return aws("sagemaker")("DescribeInferenceExperiment", Name=name)


def move(aws, state: str, **status: Any) -> None:
    records = aws.store.records(aws.account, aws.region)
    records.update(records.find(INFERENCE_EXPERIMENT, "x"), Change(state=state, status=status))


def experiment(aws) -> Experiment:
    return Experiment.read(aws.store.records(aws.account, aws.region).find(INFERENCE_EXPERIMENT, "x"))


def test_describe_returns_what_create_was_given_with_a_schedule_of_seven_days(aws) -> None:
    arn = aws("sagemaker")("CreateInferenceExperiment", **request(Tags=[{"Key": "a", "Value": "b"}]))
    told = describe(aws)
    assert told["Arn"] == arn["InferenceExperimentArn"]
    assert told["Arn"] == f"arn:aws:sagemaker:us-east-1:{aws.account}:inference-experiment/x"
    assert (told["Status"], told["Type"], told["ShadowModeConfig"]) == ("Creating", "ShadowMode", roles())
    assert told["Schedule"]["EndTime"] - told["Schedule"]["StartTime"] == 7 * 24 * 3600
    assert told["EndpointMetadata"] == {"EndpointName": "e"}
    assert [each["Status"] for each in told["ModelVariants"]] == ["Creating", "Creating"]
    assert {"Tags", "CompletionTime", "StatusReason"}.isdisjoint(told)
    assert aws("sagemaker")("ListTags", ResourceArn=told["Arn"])["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ModelVariants": [variant("main")]}, "ModelVariants must name the SourceModelVariantName"),
        ({"ModelVariants": [variant("main"), variant("other")]}, "and the ShadowModelVariantName"),
        ({"ModelVariants": [variant("main"), variant("candidate", model="gone")]}, "Could not find model"),
        ({"ModelVariants": [variant("main"), variant("candidate", 0)]}, "at least one instance"),
        ({"ShadowModeConfig": roles(-1)}, "SamplingPercentage must be between 0 and 100"),
        ({"Schedule": {"EndTime": at(1.0)}}, "EndTime of an inference experiment must be after its StartTime"),
        ({"Schedule": {"EndTime": at(4e9)}}, "cannot be more than 30 days"),
        ({"DataStorageConfig": {"Destination": "s3://b/p"}}, "DataStorageConfig is not built"),
    ],
)
def test_what_does_not_fit_together_is_refused(aws, changes, words) -> None:
    with pytest.raises(ValidationError, match=words):
        aws("sagemaker")("CreateInferenceExperiment", **request(**changes))


def test_a_name_is_taken_once_and_an_endpoint_has_one_experiment_at_a_time(aws) -> None:
    aws("sagemaker")("CreateInferenceExperiment", **request())
    with pytest.raises(ResourceInUse, match="takes part in the inference experiment x already"):
        aws("sagemaker")("CreateInferenceExperiment", **request("y"))
    with pytest.raises(ResourceInUse, match="named x already exists"):
        aws("sagemaker")("CreateInferenceExperiment", **request(EndpointName="f"))
    move(aws, "Cancelled")
    aws("sagemaker")("CreateInferenceExperiment", **request("y"))


def test_an_endpoint_that_is_there_must_have_the_source_variant_alone(aws) -> None:
    other = {"VariantName": "other", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    aws("sagemaker")("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[other])
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    with pytest.raises(ValidationError, match="must have the production variant main and no other variant"):
        aws("sagemaker")("CreateInferenceExperiment", **request())


def test_what_else_the_endpoint_was_configured_with_stays(aws) -> None:
    main = {
        "VariantName": "main", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large",
        "VolumeSizeInGB": 7,
    }  # fmt: skip
    aws("sagemaker")(
        "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[main], EnableNetworkIsolation=True
    )
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    aws("sagemaker")("CreateModel", ModelName="n", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)
    with pytest.raises(ValidationError, match="The production variant main has the model m, not n"):
        aws("sagemaker")(
            "CreateInferenceExperiment", **request(ModelVariants=[variant("main", model="n"), variant("candidate")])
        )
    aws("sagemaker")("CreateInferenceExperiment", **request())
    config = experiment(aws).config()
    assert config["EnableNetworkIsolation"] is True
    assert [each.get("VolumeSizeInGB") for each in config["ProductionVariants"]] == [7]
    assert [each.get("VolumeSizeInGB") for each in config["ShadowProductionVariants"]] == [None]
    assert "inherited" not in describe(aws)


def test_the_endpoint_of_an_experiment_is_shown_with_what_it_serves(aws) -> None:
    main = {"VariantName": "main", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    aws("sagemaker")("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[main])
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    records = aws.store.records(aws.account, aws.region)
    records.update(records.find(ENDPOINT, "e"), Change(state="InService", status={"FailureReason": "why"}))
    aws("sagemaker")("CreateInferenceExperiment", **request())
    told = describe(aws)
    metadata = {"EndpointName": "e", "EndpointConfigName": "c", "EndpointStatus": "InService", "FailureReason": "why"}
    assert told["EndpointMetadata"] == metadata
    assert [each["Status"] for each in told["ModelVariants"]] == ["InService", "Creating"]


def test_experiments_are_listed_newest_first_and_by_status(aws) -> None:
    aws("sagemaker")("CreateInferenceExperiment", **request())
    aws("sagemaker")("CreateInferenceExperiment", **request("y", EndpointName="f"))
    move(aws, "Running", StatusReason="so")
    listed = aws("sagemaker")("ListInferenceExperiments", Type="ShadowMode")["InferenceExperiments"]
    assert [each["Name"] for each in listed] == ["y", "x"]
    (running,) = aws("sagemaker")("ListInferenceExperiments", StatusEquals="Running")["InferenceExperiments"]
    assert (running["Name"], running["StatusReason"], running["RoleArn"]) == ("x", "so", ROLE)


def test_an_update_changes_instances_shares_and_schedule_under_another_revision(aws) -> None:
    aws("sagemaker")("CreateInferenceExperiment", **request())
    with pytest.raises(ServiceError, match="must be Created or Running") as refused:
        aws("sagemaker")("UpdateInferenceExperiment", Name="x")
    assert refused.value.code == "ConflictException"
    move(aws, "Created")
    end = at(aws.store.clock() + 3600)
    aws("sagemaker")(
        "UpdateInferenceExperiment",
        Name="x",
        Description="d",
        Schedule={"EndTime": end},
        ModelVariants=[variant("candidate", 3)],
        ShadowModeConfig=roles(7),
    )
    told = describe(aws)
    assert (told["Status"], told["Description"], told["ShadowModeConfig"]) == ("Updating", "d", roles(7))
    assert told["Schedule"]["EndTime"] == pytest.approx(end.timestamp())
    assert told["ModelVariants"] == [
        {**each, "Status": "Updating"} for each in (variant("main"), variant("candidate", 3))
    ]
    assert experiment(aws).revision == 2
    move(aws, "Created")
    aws("sagemaker")("UpdateInferenceExperiment", Name="x", Description="e")
    assert experiment(aws).revision == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ModelVariants": [variant("candidate", model="n")]}, "has no variant candidate of model n"),
        ({"ModelVariants": [variant("new")]}, "ModelVariants must name"),
        ({"Schedule": {"StartTime": at(4e9)}}, "Only the EndTime of a running inference experiment"),
        ({"ShadowModeConfig": {**roles(shadow="main"), "SourceModelVariantName": "candidate"}}, "cannot be changed"),
    ],
)
def test_an_update_cannot_make_another_experiment(aws, changes, words) -> None:
    aws("sagemaker")("CreateInferenceExperiment", **request())
    move(aws, "Running")
    with pytest.raises(ValidationError, match=words):
        aws("sagemaker")("UpdateInferenceExperiment", Name="x", **changes)


def test_an_experiment_can_be_started_before_its_time(aws) -> None:
    later = at(aws.store.clock() + 3600)
    aws("sagemaker")("CreateInferenceExperiment", **request(Schedule={"StartTime": later}))
    move(aws, "Created")
    assert describe(aws)["Schedule"]["StartTime"] == pytest.approx(later.timestamp())
    aws("sagemaker")("StartInferenceExperiment", Name="x")
    told = describe(aws)
    assert told["Status"] == "Starting"
    assert told["Schedule"]["StartTime"] < later.timestamp()


def test_a_stop_says_what_becomes_of_the_variants(aws) -> None:
    aws("sagemaker")("CreateInferenceExperiment", **request())
    move(aws, "Running", asked={"config": "c", "generation": 1})
    aws("sagemaker")(
        "StopInferenceExperiment",
        Name="x",
        ModelVariantActions={"main": "Remove", "candidate": "Promote"},
        DesiredModelVariants=[variant("candidate", 2)],
        DesiredState="Completed",
        Reason="better",
    )
    assert describe(aws)["Status"] == "Stopping"
    assert [each["Status"] for each in describe(aws)["ModelVariants"]] == ["Deleting", "InService"]
    stopped = experiment(aws)
    (production,) = stopped.final_config()["ProductionVariants"]
    assert (production["VariantName"], production["InitialInstanceCount"]) == ("candidate", 2)
    assert (stopped.stop.state, stopped.stop.reason) == ("Completed", "better")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ModelVariantActions": {"other": "Remove"}}, "has no variant named other"),
        ({"ModelVariantActions": {"main": "Promote"}}, "only a shadow variant can be promoted"),
        ({"ModelVariantActions": {"main": "Remove", "candidate": "Retain"}}, "main can be removed only if candidate"),
        (
            {"ModelVariantActions": {"main": "Retain"}, "DesiredModelVariants": [variant("candidate")]},
            "candidate is not deployed after",
        ),
    ],
)
def test_a_stop_that_would_leave_production_without_a_variant_is_refused(aws, changes, words) -> None:
    aws("sagemaker")("CreateInferenceExperiment", **request())
    move(aws, "Running")
    with pytest.raises(ValidationError, match=words):
        aws("sagemaker")("StopInferenceExperiment", Name="x", **changes)


def test_an_experiment_can_be_deleted_only_when_nothing_is_under_way(aws) -> None:
    aws("sagemaker")("CreateInferenceExperiment", **request())
    move(aws, "Running")
    with pytest.raises(ServiceError, match="must be Created or Completed or Cancelled"):
        aws("sagemaker")("DeleteInferenceExperiment", Name="x")
    move(aws, "Completed")
    aws("sagemaker")("DeleteInferenceExperiment", Name="x")
    with pytest.raises(ResourceNotFound, match="Could not find inference experiment x"):
        describe(aws)
