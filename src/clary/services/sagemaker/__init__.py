"""SageMaker: one class of operations for each noun."""

from __future__ import annotations

from clary.services.operation import Operations, Platform
from clary.services.sagemaker.inference.endpoint_configs import EndpointConfigs
from clary.services.sagemaker.inference.endpoints import Endpoints
from clary.services.sagemaker.inference.inference_experiments import InferenceExperiments
from clary.services.sagemaker.inference.models import Models
from clary.services.sagemaker.inference.updates import Updates
from clary.services.sagemaker.search import Search
from clary.services.sagemaker.tags import Tags
from clary.services.sagemaker.training.training_jobs import TrainingJobs


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations that are built."""
    nouns = (TrainingJobs, Models, EndpointConfigs, Endpoints, Updates, InferenceExperiments, Tags, Search)
    return tuple(noun(platform) for noun in nouns)
