"""From the gateways' notes to CloudWatch Logs: which variant answered which InferenceId.

The log of an endpoint's ids is a group of its own, a stream for each variant. An event is told as Data Capture tells
its `eventMetadata` (SageMaker developer guide, «Data capture»). After a crash an event may be there twice.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from clary.store.inference_ids import Answered, readers
from clary.store.logs import Taken
from clary.store.store import Store

log = logging.getLogger(__name__)

GROUP = "/aws/sagemaker/InferenceIds/"
RETENTION_DAYS = 30
"""Of a new group; PutRetentionPolicy gives it another."""
TAKE_S = 1.0
EVENT_VERSION = "0"


@dataclass
class InferenceIds:
    """Takes what the workers noted into the log."""

    store: Store
    folder: Path
    _groups: set[tuple[str, str, str]] = field(default_factory=set)

    def run(self, stop: threading.Event) -> None:
        """Take until told to stop; what cannot be stored now is taken later."""
        while not stop.wait(TAKE_S):
            try:
                self.take()
            except (SQLAlchemyError, OSError) as error:
                log.warning("inference ids could not be taken: %s", error)

    def take(self) -> None:
        """Take all there is; forget the files of workers that are gone."""
        for reader, complete in readers(self.folder):
            for noted, offset in reader.unread():
                self._log(noted)
                reader.read_to(offset)
            if complete:
                reader.forget()

    def _log(self, noted: Iterable[Answered]) -> None:
        streams: dict[tuple[str, str, str, str], list[tuple[int, str]]] = {}
        for each in noted:
            key = (each.account, each.region, each.endpoint, each.variant)
            streams.setdefault(key, []).append((each.at_ms, _event(each)))
        for (account, region, endpoint, variant), events in streams.items():
            self._make_group(account, region, endpoint)
            self.store.logs(account, region).put(GROUP + endpoint, variant, events)

    def _make_group(self, account: str, region: str, endpoint: str) -> None:
        """Make the group where it is not there; one that is keeps the retention that its owner gave it."""
        if (account, region, endpoint) in self._groups:
            return
        logs = self.store.logs(account, region)
        try:
            logs.create_group(GROUP + endpoint)
        except Taken:
            pass
        else:
            logs.retain(GROUP + endpoint, RETENTION_DAYS)
        self._groups.add((account, region, endpoint))


def _event(answered: Answered) -> str:
    at = datetime.fromtimestamp(answered.at_ms / 1000, UTC)
    metadata = {
        "eventId": answered.request_id,
        "inferenceId": answered.inference_id,
        "inferenceTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return json.dumps({"eventMetadata": metadata, "eventVersion": EVENT_VERSION})
