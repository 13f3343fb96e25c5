"""Amazon SQS: standard and FIFO queues, their messages, dead letters, tags and permissions."""

from __future__ import annotations

from clary.services.operation import Operations, Platform
from clary.services.sqs.attributes import Attributes
from clary.services.sqs.dead_letters import DeadLetters
from clary.services.sqs.deletions import Deletions
from clary.services.sqs.messages import Messages
from clary.services.sqs.permissions import Permissions
from clary.services.sqs.queues import Queues
from clary.services.sqs.receives import Receives
from clary.services.sqs.tags import Tags
from clary.services.sqs.visibility import Visibility


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    nouns = (Queues, Attributes, Messages, Receives, Deletions, Visibility, DeadLetters, Permissions, Tags)
    return tuple(noun(platform) for noun in nouns)
