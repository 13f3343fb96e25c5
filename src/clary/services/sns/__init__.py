"""Amazon SNS: topics, their subscriptions, and messages that go to all of them."""

from __future__ import annotations

from clary.services.operation import Operations, Platform
from clary.services.sns.confirmations import Confirmations
from clary.services.sns.messages import Messages
from clary.services.sns.permissions import Permissions
from clary.services.sns.subscriptions import Subscriptions
from clary.services.sns.tags import Tags
from clary.services.sns.topics import Topics


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    return tuple(noun(platform) for noun in (Topics, Permissions, Tags, Subscriptions, Confirmations, Messages))
