"""The outbox's work of this room: pushing security events."""

from __future__ import annotations

from collections.abc import Mapping

from idp.deliveries.delivery import deliver
from idp.events.announcement import SECURITY_EVENT_TASK
from idp.events.push import event_push
from idp.services import IdpServices
from kernel.outbox import Handler


def deliveries(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does this room's deliveries, by kind."""
    return {SECURITY_EVENT_TASK: deliver(services, event_push(services))}
