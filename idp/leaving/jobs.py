"""The outbox's work of this room: logout notices."""

from __future__ import annotations

from collections.abc import Mapping

from idp.deliveries.delivery import deliver
from idp.leaving.announcement import BACKCHANNEL_LOGOUT_TASK
from idp.leaving.backchannel import logout_notice
from idp.services import IdpServices
from kernel.outbox import Handler


def deliveries(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does this room's deliveries, by kind."""
    return {BACKCHANNEL_LOGOUT_TASK: deliver(services, logout_notice(services))}
