"""Pages of lists that are short enough to be made whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from clary.services.operation import Params
from clary.services.page_tokens import BadToken, place_of, token_of
from clary.services.service_quotas.faults import InvalidPaginationToken

PAGE_DEFAULT = 100
T = TypeVar("T")


def page(name: str, items: Sequence[T], request: Params, show: Callable[[T], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the page of a list that a request asks for, under its name, and the token of the next."""
    query = {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}
    first = 0
    if "NextToken" in request:
        try:
            (first,) = place_of(query, request["NextToken"])
        except BadToken:
            raise InvalidPaginationToken("Invalid pagination token was provided.") from None
    last = first + request.get("MaxResults", PAGE_DEFAULT)
    more = {"NextToken": token_of(query, [last])} if last < len(items) else {}
    return {name: [show(each) for each in items[first:last]], **more}
