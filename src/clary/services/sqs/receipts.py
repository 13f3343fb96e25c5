"""Receipt handles: opaque to clients, and good for one receive of one message of one queue."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from clary.core.errors import ServiceError
from clary.store.queue_messages import RECEIPT_BYTES, Receipt
from clary.store.queues import Queue

FORMAT = struct.Struct(f">QQ{RECEIPT_BYTES}s")


def handle_of(receipt: Receipt) -> str:
    """Return the handle of a receipt; its nonce keeps others from guessing it."""
    return base64.b64encode(FORMAT.pack(receipt.queue_id, receipt.id, receipt.nonce)).decode()


def receipt_of(queue: Queue, request: Mapping[str, Any]) -> Receipt:
    """Return the receipt of a request's handle, or raise ReceiptHandleIsInvalid."""
    handle = request["ReceiptHandle"]
    try:
        receipt = Receipt(*FORMAT.unpack(base64.b64decode(handle, validate=True)))
    except (ValueError, struct.error):
        raise _invalid(handle) from None
    if receipt.queue_id != queue.id:
        raise _invalid(handle)
    return receipt


def _invalid(handle: str) -> ServiceError:
    text = f'The input receipt handle "{handle}" is not a valid receipt handle.'
    return ServiceError(text, code="ReceiptHandleIsInvalid", status=404)
