"""Dead letters: which queues send theirs here, and moving them back."""

from __future__ import annotations

import base64
from typing import Any

from clary.core.errors import ServiceError
from clary.core.ids import Arn
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import token_of
from clary.services.sqs.addresses import by_arn, reach, require, url_of
from clary.services.sqs.faults import InvalidValue, NoSuchQueue, Unsupported
from clary.services.sqs.queues import LIST_MAX, after
from clary.store.queue_moves import Move, Moves
from clary.store.queues import Queue


class DeadLetters(Operations):
    """ListDeadLetterSourceQueues and message move tasks.

    A move is one transaction, so that its task is completed once it has a handle.
    """

    @operation("ListDeadLetterSourceQueues")
    def sources(self, call: Call, request: Params) -> Result:
        """Return the URLs of the queues whose dead letters come here."""
        queue = reach(self.platform, call, request["QueueUrl"])
        limit = request.get("MaxResults", LIST_MAX)
        queues = self.platform.store.queues(queue.account, queue.region)
        found = queues.sources(queue, after(queue.arn, request), limit + 1)
        answer: dict[str, Any] = {"queueUrls": [url_of(self.platform, call, each) for each in found[:limit]]}
        if len(found) > limit:
            answer["NextToken"] = token_of({"of": queue.arn}, [found[limit - 1].name])
        return answer

    @operation("StartMessageMoveTask")
    def move(self, call: Call, request: Params) -> Result:
        """Move all messages of a queue of dead letters back, or to another queue."""
        if "MaxNumberOfMessagesPerSecond" in request:
            raise Unsupported("MaxNumberOfMessagesPerSecond is not supported yet: all messages are moved at once.")
        source = self._reach(call, request["SourceArn"])
        if not self.platform.store.queues(source.account, source.region).sources(source, "", 1):
            raise InvalidValue("Source queue must be configured as a Dead Letter Queue.")
        destination = None
        if "DestinationArn" in request:
            destination = by_arn(self.platform, call, request["DestinationArn"])
            if destination is None or destination.account != source.account or destination.fifo is not source.fifo:
                raise _missing("destination")
            if destination.id == source.id:
                raise InvalidValue("Source queue arn and destination queue arn cannot be the same.")
        number = self._moves(source).make(destination, int(call.now * 1000))
        return {"TaskHandle": _handle(number, source)}

    @operation("CancelMessageMoveTask")
    def cancel(self, call: Call, request: Params) -> Result:
        """Refuse: what has a handle is completed."""
        try:
            number, _, arn = base64.b64decode(request["TaskHandle"], validate=True).decode().partition("/")
        except ValueError:
            raise InvalidValue("Value for parameter TaskHandle is invalid.") from None
        source = self._reach(call, arn)
        if not any(str(each.id) == number for each in self._moves(source).newest(LIST_MAX)):
            raise _missing("task")
        raise Unsupported("Only active tasks can be cancelled.")

    @operation("ListMessageMoveTasks")
    def moves(self, call: Call, request: Params) -> Result:
        """Return the newest moves out of a queue."""
        source = self._reach(call, request["SourceArn"])
        moves = self._moves(source).newest(request.get("MaxResults", 1))
        return {"Results": [self._described(source, each) for each in moves]}

    def _reach(self, call: Call, text: str) -> Queue:
        arn = Arn.parse(text)
        if arn is None or arn.region != call.region:
            raise _missing("source queue")
        try:
            return require(self.platform, call, arn.account, arn.resource)
        except NoSuchQueue:
            raise _missing("source queue") from None

    def _moves(self, source: Queue) -> Moves:
        store = self.platform.store
        return Moves(store.queue_archive.database, store.words, source)

    def _described(self, source: Queue, move: Move) -> dict[str, Any]:
        told = {
            "Status": "COMPLETED",
            "SourceArn": source.arn,
            "ApproximateNumberOfMessagesMoved": move.moved,
            "ApproximateNumberOfMessagesToMove": move.moved,
            "StartedTimestamp": move.started_ms,
        }
        numbered = self.platform.store.queue_archive.numbered
        destination = None if move.destination_id is None else numbered(move.destination_id)
        return {**told, "DestinationArn": destination.arn} if destination else told


def _handle(number: int, source: Queue) -> str:
    return base64.b64encode(f"{number}/{source.arn}".encode()).decode()


def _missing(noun: str) -> ServiceError:
    text = f"The resource that you specified for the {noun} doesn't exist."
    return ServiceError(text, code="ResourceNotFoundException", status=404)
