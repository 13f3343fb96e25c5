"""The account that manages the organization, which a fresh Clary starts with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clary.core.settings import load
from clary.services.iam.bootstrap import bootstrap


@pytest.fixture
def management(aws, store, home):
    return replace(aws, account=bootstrap(store, load({"home": home}, {})))


@pytest.fixture
def organizations(management):
    return management("organizations")
