"""What is unlike the usual: counted by the hour, told in a sentence, leading to the search behind it."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs

from sqlalchemy import delete

from admin.anomalies import hours_beside_usual, is_out_of_hours, out_of_hours_windows, shares_beside_usual
from admin.hour_counts import COUNTED, FACTOR, HOUR, STARTED, count_hours
from admin.model import HourCount
from admin.permissions import Role
from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.clients.environment import TEST_PREFIX


def test_an_hour_is_unusual_only_above_twice_and_some_more_than_that_hour_of_that_weekday(clock) -> None:
    """A few at night are chance; an hour without a week before it says nothing."""
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    week = timedelta(weeks=1)
    counted = {now - week: {STARTED: 4}, now - 2 * week: {STARTED: 6}, now: {STARTED: 11}, now - HOUR: {STARTED: 99}}
    before, last = hours_beside_usual(counted, STARTED)
    assert (before.usual, before.excess) == (None, 0)
    assert (last.usual, last.excess) == (5, 1)
    assert hours_beside_usual({}, STARTED) == []


def test_a_share_is_unusual_from_ten_points_on_a_day_with_logins_enough(clock) -> None:
    """Yesterday beside four weeks before; today is not over, and what was not there before is told, too."""
    noon = clock.now().replace(minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    before = {STARTED: 100, "factor:pwd": 90, "factor:otp": 50}
    counted = {noon - 2 * day: before, noon - day: {STARTED: 40, "factor:pwd": 36, "factor:sms": 8}, noon: before}
    found = shares_beside_usual(counted, FACTOR, now=noon)
    assert [(each.name, each.amount, each.share, each.usual) for each in found.shares] == [
        ("pwd", 36, 90.0, 90.0), ("sms", 8, 20.0, 0.0), ("otp", 0, 0.0, 50.0),
    ]  # fmt: skip
    assert found.worst is not None
    assert found.worst.name == "otp"
    few = {**counted, noon - day: {STARTED: 19, "factor:sms": 19}}
    assert shares_beside_usual(few, FACTOR, now=noon).worst is None
    assert shares_beside_usual({}, FACTOR, now=noon).shares == ()


def test_hours_out_of_office_beside_each_other_are_one_span() -> None:
    """A night is one condition of a search, and a weekend too."""
    friday = datetime(2026, 11, 20, 5, tzinfo=UTC)  # midnight in Ecuador
    night, weekend = out_of_hours_windows(friday, friday + timedelta(days=3))
    assert night == (friday, friday + timedelta(hours=7))
    assert weekend == (friday + timedelta(hours=19), friday + timedelta(days=3))


def test_the_page_says_what_is_unusual_and_leads_to_it(composition, clock, make_operator) -> None:
    """From the counts of the job; the log is not read. Numbers come as CSV; who may not search sees none."""
    now = clock.now()
    with composition.database.transaction() as session:
        for kind, outcome, reason in (
            (EventType.CERTIFICATE_REQUEST_APPROVED, Outcome.SUCCESS, None),
            (EventType.CONSOLE_ACCESS_REFUSED, Outcome.REFUSED, "missing_permission"),
            (EventType.AUDIT_CHECKED, Outcome.SUCCESS, None),
        ):
            composition.journal.record(session, Event(type=kind, outcome=outcome, reason=reason), now=now)
        for _ in range(9):
            composition.journal.record(session, Event(type=EventType.SESSION_STARTED), now=now)
        made_up = f"{TEST_PREFIX}1"  # whom no number counts
        for event in (
            Event(type=EventType.SESSION_STARTED, subject=made_up),
            Event(type=EventType.PASSWORD_VERIFIED, outcome=Outcome.FAILURE, reason="wrong_password"),
            Event(type=EventType.PASSWORD_VERIFIED, outcome=Outcome.FAILURE, subject=made_up),
            Event(type=EventType.TOTP_VERIFIED),
            Event(type=EventType.MAIL_SENT, details={"template": "new_device"}),
            Event(type=EventType.MAIL_SENT, details={"template": "welcome"}),
            Event(type=EventType.CONSOLE_OPENED),
        ):
            composition.journal.record(session, event, now=now)
    clock.advance(timedelta(hours=1, minutes=6))
    while True:
        with composition.database.transaction() as session:
            if not count_hours(session, now=clock.now()):
                break
    hour = now.replace(minute=0, second=0, microsecond=0)
    with composition.database.transaction() as session:
        session.execute(delete(HourCount).where(HourCount.hour == hour - timedelta(weeks=1)))
        session.add(HourCount(hour=hour - timedelta(weeks=1), name=COUNTED, amount=1))
    auditor = make_operator(Role.AUDITOR)
    shown = auditor.get("/admin/audit/anomalies").text
    assert "Fuera de lo usual: 9 el " in shown
    assert "El motivo más frecuente: missing_permission, 1 de 1." in shown
    if is_out_of_hours(now):
        assert "1 en 28 días" in shown
    links = re.findall(r'href="(/admin/audit\?counted=[^"]+)">[^<]+</a></th><td[^>]*><div>(\d+)<', shown)
    told = {unescape(link): int(amount) for link, amount in links if amount != "0"}
    assert {parse_qs(link.partition("?")[2])["counted"][0] for link in told} >= {
        "started", "failed", "acts", "new_devices", "refused:missing_permission"
    }  # fmt: skip
    for link, amount in told.items():
        assert re.search(rf"<h2 id=\"res\">{amount} sucesos?</h2>", auditor.get(link).text), link
    found = list(csv.reader(io.StringIO(auditor.get("/admin/audit/anomalies/logins.csv").text.lstrip("\ufeff"))))
    assert found[-1][1:] == ["9", "0.0"] or any(row[1] == "9" for row in found)
    assert auditor.get("/admin/audit/anomalies/none.csv").status_code == 404
    local = auditor.get("/admin/audit?type=idp:session:started&since=2020-01-01T00:00&until=2020-01-01T01:00").text
    assert "Nada coincide" in local
    assert make_operator(Role.SUPPORT).get("/admin/audit/anomalies").status_code == 403
