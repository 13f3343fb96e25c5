"""What is done once at each start, before Clary answers."""

from __future__ import annotations

from datetime import UTC, datetime

from clary.core.settings import Settings
from clary.resources.quotas import limits_of
from clary.services.iam.bootstrap import bootstrap
from clary.store.store import open_store


def prepare(settings: Settings) -> None:
    """Make the stores, the root account and the certificate where they are not there yet.

    Raises SettingsError for quotas that are unknown, and for a certificate that cannot be used.
    """
    limits_of(settings.quotas)
    if settings.tls_files is not None:
        from clary.gateway import certificates  # which imports all of X.509

        certificates.prepare(settings, datetime.now(UTC))
    store = open_store(settings)
    bootstrap(store, settings)
    store.close()
