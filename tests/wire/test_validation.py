from __future__ import annotations

import time

import pytest

from clary.core.errors import ValidationError
from clary.wire import patterns
from clary.wire.models import Models
from clary.wire.validation import VIOLATIONS_MAX, validate, violations

NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
OPENING = "1 validation error detected: "


def message(models: Models, service: str, operation: str, params: dict) -> str:
    with pytest.raises(ValidationError) as caught:
        validate(models.load(service).operation_model(operation), params)
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)
    return caught.value.message


def of_sagemaker(models: Models, operation: str, params: dict) -> list[str]:
    return violations(models.load("sagemaker").operation_model(operation), params)


def test_good_parameters_pass(models: Models) -> None:
    assert of_sagemaker(models, "DescribeEndpoint", {"EndpointName": "churn-1"}) == []
    assert of_sagemaker(models, "ListEndpoints", {"MaxResults": 100, "SortBy": "Name"}) == []


@pytest.mark.parametrize(
    ("operation", "params", "sentence"),
    [
        ("DescribeEndpoint", {}, "Value null at 'endpointName' failed to satisfy constraint: Member must not be null"),
        (
            "DescribeEndpoint",
            {"EndpointName": "-"},
            "Value '-' at 'endpointName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME}",
        ),
        (
            "ListEndpoints",
            {"MaxResults": 101},
            "Value '101' at 'maxResults' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
        ),
        (
            "ListEndpoints",
            {"MaxResults": 0},
            "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            "ListEndpoints",
            {"SortBy": "name"},
            "Value 'name' at 'sortBy' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Name, CreationTime, Status]",
        ),
        (
            "CreateEndpointConfig",
            {"EndpointConfigName": "c", "ProductionVariants": []},
            "Value '[]' at 'productionVariants' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            "CreateEndpointConfig",
            {"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "a", "InitialInstanceCount": 0}]},
            "Value '0' at 'productionVariants.1.member.initialInstanceCount' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            "AddTags",
            {"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:endpoint/e", "Tags": [{"Key": "k"}]},
            "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null",
        ),
    ],
)
def test_one_violation_is_told_in_the_words_of_aws(models: Models, operation: str, params: dict, sentence: str) -> None:
    assert message(models, "sagemaker", operation, params) == OPENING + sentence


def test_all_violations_are_told_at_once(models: Models) -> None:
    told = message(models, "sagemaker", "CreateEndpoint", {"EndpointConfigName": "x" * 70})
    assert told.startswith("3 validation errors detected: Value null at 'endpointName' failed")
    assert (
        "at 'endpointConfigName' failed to satisfy constraint: Member must have length less than or equal to 63" in told
    )
    assert told.count("; ") == 2


def test_scalars_in_lists_and_maps_are_told_with_the_whole_collection(models: Models) -> None:
    vpc = {"SecurityGroupIds": ["sg 1"], "Subnets": ["subnet-1"]}
    params = {"ModelName": "m", "VpcConfig": vpc, "PrimaryContainer": {"Environment": {"9": "v"}}}
    told = of_sagemaker(models, "CreateModel", params)
    assert len(told) == 2
    assert any(
        "Value '[sg 1]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must have length less than or equal to 32" in sentence
        for sentence in told
    )
    assert any("Value '{9=v}' at 'primaryContainer.environment' failed" in sentence for sentence in told)
    assert any("Map keys must satisfy constraint: [Member must have length" in sentence for sentence in told)


def test_a_null_in_a_list_is_a_violation(models: Models) -> None:
    assert of_sagemaker(models, "AddTags", {"ResourceArn": "arn:aws:sagemaker:r:0:e/x", "Tags": [None]})


def test_an_idempotency_token_may_be_absent(models: Models) -> None:
    operation = models.load("sagemaker").operation_model("CreatePipeline")
    assert "ClientRequestToken" in operation.input_shape.required_members
    assert not any("clientRequestToken" in told for told in violations(operation, {}))


def test_secrets_are_not_told(models: Models) -> None:
    told = violations(models.load("iam").operation_model("CreateLoginProfile"), {"UserName": "u", "Password": ""})
    assert told[0] == (
        "Value '***Sensitive***' at 'password' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


def test_services_of_old_have_another_code(models: Models) -> None:
    with pytest.raises(ValidationError) as caught:
        validate(models.load("iam").operation_model("GetRole"), {})
    assert caught.value.code == "ValidationError"


def test_long_values_and_long_lists_of_violations_are_cut(models: Models) -> None:
    [first, *_] = of_sagemaker(models, "DescribeEndpoint", {"EndpointName": "x" * 100_000})
    assert len(first) < 2_000
    tags = [{"Key": ""}] * 1_000
    assert len(of_sagemaker(models, "AddTags", {"ResourceArn": "arn", "Tags": tags})) == VIOLATIONS_MAX


def test_streams_are_not_looked_into(models: Models) -> None:
    put = models.load("s3").operation_model("PutObject")
    assert violations(put, {"Bucket": "b", "Key": "k", "Body": object()}) == []


def test_endless_nesting_is_the_clients_error(models: Models) -> None:
    deep: dict = {}
    for _ in range(5_000):
        deep = {"L": [deep]}
    operation = models.load("dynamodb").operation_model("PutItem")
    with pytest.raises(ValidationError):
        validate(operation, {"TableName": "t", "Item": {"a": deep}})


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\p{Print}&&[^|:/]]+", "a b", "a|b"),
        (r"\p{ASCII}*", "abc", "é"),
        (r"[\p{L}\p{N}]*", "é1", "é 1"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a😀", "\n"),
        (r"\w+", "a_1", "é"),
        (r"[\w-.]+", "a-b.c", "a b"),
        (r"[\x{60}a]+", "`a", "b"),
        (r"\p{XDigit}{2}", "fF", "fg"),
        (r"[\S\s]*", "a\n\u00a0", None),
        (r"abc", "abc", "xabcx"),
    ],
)
def test_patterns_mean_what_java_means(pattern: str, good: str, bad: str | None) -> None:
    assert patterns.satisfies(pattern, good)
    assert bad is None or not patterns.satisfies(pattern, bad)


def test_a_value_that_makes_a_pattern_slow_is_refused_in_time() -> None:
    started = time.process_time()  # which is what `regex` counts
    assert not patterns.satisfies("(a|aa)+(b|bb)+(a|aa)+c", "a" * 5_000 + "b" * 5_000 + "a" * 5_000)
    assert time.process_time() - started < patterns.TIMEOUT_S + 2


@pytest.mark.parametrize("service", ["sagemaker", "iam", "s3", "logs", "quicksight", "dlm", "rbin", "ds", "transfer"])
def test_patterns_of_a_service_compile(models: Models, service: str) -> None:
    every_pattern_compiles(models, service)


@pytest.mark.slow
def test_every_pattern_of_every_service_compiles() -> None:
    for service in Models().names():
        every_pattern_compiles(Models(), service)


def every_pattern_compiles(models: Models, service: str) -> None:
    model = models.load(service)
    for name in model.shape_names:
        pattern = model.shape_for(name).metadata.get("pattern")
        if pattern is not None:
            patterns.compiled(pattern)


def test_an_enum_that_its_service_leaves_open_takes_other_words(models: Models) -> None:
    received = models.load("sqs").operation_model("ReceiveMessage")
    assert violations(received, {"QueueUrl": "q", "AttributeNames": ["SenderId"]}) == []
    made = models.load("sqs").operation_model("CreateQueue")
    assert violations(made, {"QueueName": "q", "Attributes": {"Colour": "red"}}) == []
