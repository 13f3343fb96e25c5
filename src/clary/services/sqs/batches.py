"""Up to ten requests in one: each succeeds or fails by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clary.core.errors import ServiceError
from clary.services.operation import Params

ENTRIES_MAX = 10
ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def entries_of(request: Params, name: str) -> Sequence[Params]:
    """Return the entries of a batch, or raise what is wrong with it as a whole."""
    entries: Sequence[Params] = request["Entries"]
    ids = [entry["Id"] for entry in entries]
    if not entries:
        raise _refused("EmptyBatchRequest", f"There should be at least one {name}RequestEntry in the request.")
    if len(entries) > ENTRIES_MAX:
        text = f"Maximum number of entries per request are {ENTRIES_MAX}. You have sent {len(entries)}."
        raise _refused("TooManyEntriesInBatchRequest", text)
    if not all(ID.fullmatch(each) for each in ids):
        text = (
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 "
        )
        raise _refused("InvalidBatchEntryId", f"{text}letters long.")
    twice = next((each for each in ids if ids.count(each) > 1), None)
    if twice is not None:
        raise _refused("BatchEntryIdsNotDistinct", f"Id {twice} repeated.")
    return entries


def answer(successful: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the result of a batch."""
    return {"Successful": successful, **({"Failed": failed} if failed else {})}


def each_of(entries: Sequence[Params], act: Callable[[Params], None]) -> dict[str, Any]:
    """Return the result of a batch of which each entry is acted on by itself."""
    successful, failed = [], []
    for entry in entries:
        try:
            act(entry)
            successful.append({"Id": entry["Id"]})
        except ServiceError as error:
            failed.append(failure(entry, error))
    return answer(successful, failed)


def failure(entry: Params, error: ServiceError) -> dict[str, Any]:
    """Return how a batch tells that one of its entries failed."""
    return {"Id": entry["Id"], "SenderFault": error.status < 500, "Code": error.code, "Message": error.message}


def _refused(code: str, text: str) -> ServiceError:
    return ServiceError(text, code=code, status=400)
