"""How long a received message stays out of sight, changed while it is."""

from __future__ import annotations

from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sqs.addresses import reach
from clary.services.sqs.batches import each_of, entries_of
from clary.services.sqs.faults import InvalidValue
from clary.services.sqs.receipts import receipt_of
from clary.store.queue_messages import VISIBILITY_S_MAX, Messages, NotInFlight, TooLong
from clary.store.queues import Queue


class Visibility(Operations):
    """ChangeMessageVisibility and its batch."""

    @operation("ChangeMessageVisibility")
    def change(self, call: Call, request: Params) -> Result:
        """Let a message come into sight again after so many seconds, counted from now."""
        self._change(call, reach(self.platform, call, request["QueueUrl"]), request)
        return None

    @operation("ChangeMessageVisibilityBatch")
    def change_batch(self, call: Call, request: Params) -> Result:
        """Do so for up to ten messages."""
        queue = reach(self.platform, call, request["QueueUrl"])
        entries = entries_of(request, "ChangeMessageVisibilityBatch")
        return each_of(entries, lambda entry: self._change(call, queue, entry))

    def _change(self, call: Call, queue: Queue, request: Params) -> None:
        after_s = request.get("VisibilityTimeout", 0)
        if not 0 <= after_s <= VISIBILITY_S_MAX:
            raise InvalidValue(
                f"Value {after_s} for parameter VisibilityTimeout is invalid. "
                f"Reason: VisibilityTimeout must be an integer between 0 and {VISIBILITY_S_MAX}."
            )
        store = self.platform.store
        messages = Messages(store.queue_archive.database, store.words, queue, int(call.now * 1000))
        try:
            messages.show(receipt_of(queue, request), after_s)
        except NotInFlight:
            raise InvalidValue(
                f"Value {request['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
                "Reason: Message does not exist or is not available for visibility timeout change.",
                code="MessageNotInflight",
            ) from None
        except TooLong:
            raise InvalidValue(
                f"Value {after_s} for parameter VisibilityTimeout is invalid. "
                "Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."
            ) from None
