"""IAM called as clients call it: what goes in and what comes out is held against botocore's model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.session import get_session
from botocore.validate import validate_parameters

Invoke = Callable[..., Any]


@pytest.fixture(scope="session")
def iam_model() -> ServiceModel:
    return get_session().get_service_model("iam")


@pytest.fixture
def iam(aws, iam_model) -> Invoke:
    """Return `iam("CreateUser", UserName="bob")`."""
    return checked(aws("iam"), iam_model)


def checked(client: Invoke, model: ServiceModel) -> Invoke:
    """Return a client that holds results against the model's shapes."""

    def invoke(name: str, **params: Any) -> Any:
        operation = model.operation_model(name)
        if operation.input_shape is not None:
            validate_parameters(params, operation.input_shape)
        result = client(name, **params)
        if operation.output_shape is not None:
            assert set(result) <= set(operation.output_shape.members)
            lenient = {key: value for key, value in result.items() if value is not None}
            validate_parameters(lenient, operation.output_shape)
        else:
            assert not result
        return result

    return invoke
