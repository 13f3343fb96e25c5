"""The first start: a root account with random keys, and the organization it manages.

Done once however many processes start at once; the keys are written to a file
that its owner alone can read, before they work.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

from clary.core.ids import account_id, aws_id
from clary.core.settings import Settings
from clary.services.iam.identities import create_access_key
from clary.services.iam.kinds import ACCOUNT, ACTIVE, ORGANIZATION
from clary.store.records import Record, Records
from clary.store.store import Store

CREDENTIALS = "credentials.json"


def bootstrap(store: Store, settings: Settings) -> str:
    """Return the root account's id; make the account, its organization and keys if this is the first start."""
    found = _root_account(store)
    if found is None:
        with store.records("", "").together() as records:
            # Looked up again inside the write: another process may have been first.
            found = _root_account(store) or _create(records, store, settings)
    return found.name


def _root_account(store: Store) -> Record | None:
    """Return the record of the account that manages the organization; there is one organization alone."""
    organization = next(store.world.all(ORGANIZATION), None)
    return None if organization is None else store.records(organization.account, "").find(ACCOUNT, organization.account)


def _create(records: Records, store: Store, settings: Settings) -> Record:
    account = account_id()
    email = f"root@{account}.clary.invalid"
    own = replace(records, account=account)
    own.create(
        ORGANIZATION, "organization", {"Id": f"o-{aws_id('', 10).lower()}", "RootId": f"r-{aws_id('', 4).lower()}"}
    )
    created = own.create(
        ACCOUNT,
        account,
        {"AccountName": "root", "Email": email, "JoinedMethod": "INVITED"},
        state=ACTIVE,
        attributes={"email": email},
    )
    key, secret = create_access_key(own, store.sealer, None)
    _write(settings, {
        "account": account,
        "access_key_id": key.name,
        "secret_access_key": secret,
        "region": settings.region,
    })  # fmt: skip
    return created


def _write(settings: Settings, told: dict[str, str]) -> None:
    """Replace the file as a whole, durably: the transaction that makes the keys work commits after this."""
    path = settings.home / CREDENTIALS
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(told, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(settings.home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
