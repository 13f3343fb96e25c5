"""Leads each delivery of events.db to who makes it: events to the targets of rules, calls to those of schedules."""

from __future__ import annotations

from dataclasses import dataclass

from clary.controllers.event_calls import SCHEME, CallCourier
from clary.controllers.event_targets import EventCourier
from clary.core.clock import Clock
from clary.store.deliveries import Deliveries, Delivery
from clary.store.store import Store


@dataclass(frozen=True, slots=True)
class EventCouriers:
    """Makes one delivery; see controllers.rounds.Courier."""

    events: EventCourier
    calls: CallCourier

    @property
    def store(self) -> Store:
        """Return where leases are had and words are said."""
        return self.events.store

    @property
    def clock(self) -> Clock:
        """Return what tells when deliveries are due."""
        return self.events.clock

    @property
    def deliveries(self) -> Deliveries:
        """Return what is to be delivered."""
        return self.events.deliveries

    def deliver(self, delivery: Delivery) -> None:
        """Try a delivery once: it is made, put off, or given up."""
        courier = self.calls if delivery.subscription_arn.startswith(SCHEME) else self.events
        courier.deliver(delivery)
