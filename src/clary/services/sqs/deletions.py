"""Messages deleted, by the handle of their last receive."""

from __future__ import annotations

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sqs.addresses import reach
from clary.services.sqs.batches import answer, entries_of, failure
from clary.services.sqs.faults import InvalidValue
from clary.services.sqs.receipts import receipt_of
from clary.store.queue_messages import Messages, Receipt
from clary.store.queues import Queue


class Deletions(Operations):
    """DeleteMessage and DeleteMessageBatch."""

    @operation("DeleteMessage")
    def delete(self, call: Call, request: Params) -> Result:
        """Delete a message; with a handle that a later receive replaced a standard queue keeps it."""
        queue = reach(self.platform, call, request["QueueUrl"])
        (held,) = self._delete(call, queue, [receipt_of(queue, request)])
        if queue.fifo and not held:
            raise _expired(request)
        return None

    @operation("DeleteMessageBatch")
    def delete_batch(self, call: Call, request: Params) -> Result:
        """Delete up to ten messages, in one transaction."""
        queue = reach(self.platform, call, request["QueueUrl"])
        good, failed = [], []
        for entry in entries_of(request, "DeleteMessageBatch"):
            try:
                good.append((entry, receipt_of(queue, entry)))
            except ServiceError as error:
                failed.append(failure(entry, error))
        held = self._delete(call, queue, [receipt for _, receipt in good]) if good else []
        told = []
        for (entry, _), each in zip(good, held, strict=True):
            if each or not queue.fifo:
                told.append({"Id": entry["Id"]})
            else:
                failed.append(failure(entry, _expired(entry)))
        return answer(told, failed)

    def _delete(self, call: Call, queue: Queue, receipts: list[Receipt]) -> list[bool]:
        store = self.platform.store
        messages = Messages(store.queue_archive.database, store.words, queue, int(call.now * 1000))
        return messages.delete(receipts)


def _expired(request: Params) -> ServiceError:
    return InvalidValue(
        f"Value {request['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
        "Reason: The receipt handle has expired."
    )
