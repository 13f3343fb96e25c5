"""Modules of AWS's toolkits that customers' scripts import, by the names they have in AWS's images.

The folder goes last on Python's path, so that an installed original is preferred. Only what AWS documents for scripts
is here. Sources: sagemaker-inference, sagemaker-containers and sagemaker-xgboost-container.
"""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """Return where they lie for this process, which may be forked from one that saw them elsewhere."""
    return Path(__path__[0])
