"""Arrays to bodies and back."""

from __future__ import annotations

from clary_runtime.toolkits.sagemaker_inference.decoder import decode
from clary_runtime.toolkits.sagemaker_inference.encoder import encode

__all__ = ["decode", "encode"]
