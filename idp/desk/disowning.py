"""A person says "it was not me": sessions and, if he wants, services end; a report with a number is opened."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.authentication.activity import disown_activity
from idp.consent.connected_services import list_connected_services, withdraw_consent
from idp.desk.report import ACTIVITY, Report, open_report
from idp.services import IdpServices


def report_activity(
    session: Session,
    *,
    services: IdpServices,
    person_id: str,
    event_id: str,
    except_sid: str,
    end_grants: bool,
    now: datetime,
) -> Report:
    """Disown an event: other sessions end, devices are forgotten; return the report.

    :param end_grants: connected services lose what they were allowed, too.
    :raises NotFound: (``unknown_activity``).
    """
    disown_activity(session, services=services, person_id=person_id, event_id=event_id, except_sid=except_sid, now=now)
    ended = 0
    if end_grants:
        for connected in list_connected_services(session, person_id, issuer=services.settings.issuer):
            withdraw_consent(
                session, journal=services.journal, person_id=person_id, client_id=connected.client_id, now=now
            )
            ended += 1
    return open_report(
        session,
        services=services,
        person_id=person_id,
        kind=ACTIVITY,
        event_id=event_id,
        grants_ended=ended,
        now=now,
    )
