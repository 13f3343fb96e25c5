"""The service models of botocore, which are the program of the wire: loaded when first asked for, then kept."""

from __future__ import annotations

import os

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel

from clary.wire.query_traits import as_query, query_traits
from clary.wire.wider_enums import widened


class Folders(Loader):
    """botocore's loader, which need not look into each of 439 folders to find that one of them is a service's."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Return every service; only services have folders where Clary looks."""
        return sorted(each.name for each in os.scandir(self.BUILTIN_DATA_PATH) if each.is_dir())


class Models:
    """The service models by botocore's names (`sagemaker-runtime`, `s3`…); safe to share between threads."""

    def __init__(self, loader: Loader | None = None) -> None:
        # Models that a user keeps in ~/.aws/models would change what the server speaks.
        self._loader = loader or Folders([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
        self._loaded: dict[str, ServiceModel] = {}
        self._in_query: dict[str, ServiceModel] = {}

    def names(self) -> list[str]:
        """Return every service that has a model."""
        return self._loader.list_available_services("service-2")

    def load(self, name: str) -> ServiceModel:
        """Return the model of a service; KeyError if there is none."""
        model = self._loaded.get(name)
        if model is None:
            model = self._loaded.setdefault(name, load(name, self._loader))
        return model

    def load_query(self, name: str) -> ServiceModel | None:
        """Return the model of a service that left query as it was in query; None if it never left it."""
        traits = query_traits(name)
        if traits is None or name in self._in_query:
            return self._in_query.get(name)
        described = as_query(self._loader.load_service_model(name, "service-2"), traits)
        return self._in_query.setdefault(name, ServiceModel(described, service_name=name))


def load(name: str, loader: Loader) -> ServiceModel:
    """Return a fresh model of a service; KeyError if there is none."""
    try:
        return ServiceModel(widened(name, loader.load_service_model(name, "service-2")), service_name=name)
    except UnknownServiceError as error:
        raise KeyError(name) from error


def protocols_of(model: ServiceModel) -> tuple[str, ...]:
    """Return the protocols that a service speaks, its favourite first."""
    return tuple(model.metadata.get("protocols") or (model.metadata["protocol"],))


def endpoint_prefix(model: ServiceModel) -> str:
    """Return the first label of the service's host names, such as `runtime.sagemaker`."""
    return model.metadata["endpointPrefix"]


def signing_name(model: ServiceModel) -> str:
    """Return the service's name in credential scopes; several services may share one."""
    return model.metadata.get("signingName") or model.metadata["endpointPrefix"]


def target_prefix(model: ServiceModel) -> str | None:
    """Return what stands before the operation in `X-Amz-Target`, if the service speaks json."""
    return model.metadata.get("targetPrefix")
