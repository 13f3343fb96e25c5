from __future__ import annotations

from clary.core.settings import load
from clary.store.audit import Entry
from clary.store.store import open_store


def entry(number: int, account: str) -> Entry:
    return Entry(
        at=float(number), request_id=str(number), account=account, region="us-east-1", principal="arn", service="s3",
        operation="PutObject", source="127.0.0.1", agent="test", params={"Bucket": "b"}, error="",
    )  # fmt: skip


def test_every_call_is_a_row_of_its_account(home) -> None:
    settings = load({"home": str(home)}, {})
    store = open_store(settings)
    for number in range(1200):
        store.audit.note(entry(number, "1" if number % 2 else "2"))
    store.close()
    store = open_store(settings)
    entries = store.audit.entries("1", limit=1000)
    assert len(entries) == 600
    assert entries[0] == entry(1199, "1")
    store.close()
