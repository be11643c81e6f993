"""How many short messages the service lets itself be made to send: each costs, and some who ask for them earn by it.

To one telephone, by one network, for one person, and in a day in all. A stranger cannot use up what a citizen needs:
the citizen's known devices and sessions have a budget of their own, and a fifth of the day's is kept for them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication import throttle
from idp.authentication.throttle import Limit
from idp.services import IdpServices
from kernel.errors import Throttled

SMS_BY_ADDRESS = Limit("sms-address", 15, timedelta(hours=1))
SMS_BY_RECIPIENT_AND_ADDRESS = Limit("sms-recipient-address", 4, timedelta(hours=1))
SMS_BY_RECIPIENT = Limit("sms-recipient", 12, timedelta(hours=1))
SMS_BY_OWNER = Limit("sms-owner", 6, timedelta(hours=1))
_DAY = timedelta(hours=25)  # the key names the day; the row is cleaned away an hour after it
_STRANGERS_SHARE = 0.8
#: Numbers that were bought together differ in these: who earns by messages has them sent to a whole block.
_BLOCK_DIGITS = 4


def count_sms(
    session: Session,
    services: IdpServices,
    recipient: str,
    *,
    now: datetime,
    owner: str | None = None,
    unconfirmed: str | None = None,
) -> None:
    """Count a message to ``recipient``. :raises Throttled: (``too_many_tries``, ``sms_day_used_up``) on record.

    :param recipient: what is written to: a telephone, or who is looked for; whether anybody has it does not matter.
    :param owner: id of the known device, or of the person, by which the caller has proved to be the recipient;
        ``None`` for anyone else, who is counted by network and by recipient.
    :param unconfirmed: a telephone that nobody has confirmed yet: many accounts together are no way to disturb one,
        nor to have a block of numbers written to that somebody earns by.
    """
    network = throttle.network_of_caller()
    counters: list[tuple[Limit, tuple[str, ...]]]
    if owner is not None:
        counters = [(SMS_BY_OWNER, (recipient, owner))]
    else:
        counters = [
            (SMS_BY_RECIPIENT_AND_ADDRESS, (recipient, network)),
            (SMS_BY_RECIPIENT, (recipient,)),
            (SMS_BY_ADDRESS, (network,)),
            (_of_day("sms-day-strangers", max(1, int(services.settings.sms_per_day * _STRANGERS_SHARE))), _day(now)),
        ]
    if unconfirmed is not None:
        if unconfirmed != recipient:
            counters.append((SMS_BY_RECIPIENT, (unconfirmed,)))
        block = _of_day("sms-block", services.settings.sms_per_block_per_day)
        counters.append((block, (unconfirmed[:-_BLOCK_DIGITS], *_day(now))))
    counters.append((_of_day("sms-day", services.settings.sms_per_day), _day(now)))
    for limit, parts in counters:
        try:
            throttle.take_try(session, key=throttle.throttle_key(services, limit, *parts), limit=limit, now=now)
        except Throttled as error:
            if limit.name.startswith("sms-day"):
                error.code = "sms_day_used_up"
            event = Event(
                type=EventType.LOGIN_THROTTLED,
                outcome=Outcome.REFUSED,
                reason=error.code,
                details={"factor": "sms", "counter": limit.name},
            )
            services.journal.refuse(session, event, error, now=now)


def _of_day(name: str, tries: int) -> Limit:
    return Limit(name, tries, _DAY)


def _day(now: datetime) -> tuple[str, ...]:
    return (now.date().isoformat(),)
