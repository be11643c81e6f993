"""What the tests of codes and cards share with those of people's pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from composition import Composition
from idp.accounts.model import PersonRow
from idp.codes.code_factor import add_code_factor
from idp.codes.grid_card import GridCard, hand_out_card
from idp.codes.sent_code import Channel
from idp.notices.sms import list_stored_sms
from tests.idp.web_people.conftest import app as app
from tests.idp.web_people.conftest import code as code
from tests.idp.web_people.conftest import events as events
from tests.idp.web_people.conftest import mails as mails
from tests.idp.web_people.conftest import make_person as make_person
from tests.idp.web_people.conftest import walker as walker

PHONE = "+593991234567"


@pytest.fixture
def messages(composition: Composition) -> Callable[[], list[Any]]:
    """Short messages that were sent, newest first."""

    def read() -> list[Any]:
        with composition.database.reading() as session:
            return list_stored_sms(session, services=composition.idp)

    return read


@pytest.fixture
def with_phone(composition: Composition) -> Callable[..., None]:
    """Give a person a confirmed telephone, and codes by it if wanted."""

    def give(person_id: str, *, factor: bool = True, phone: str = PHONE, email: str | None = "") -> None:
        now = composition.clock.now()
        with composition.database.transaction() as session:
            row = session.get_one(PersonRow, person_id)
            row.phone, row.phone_verified_at = phone, now
            if email is None:
                row.email = row.email_verified_at = None
            session.flush()
            if factor:
                add_code_factor(session, person_id=person_id, channel=Channel.SMS, now=now)

    return give


@pytest.fixture
def with_card(composition: Composition) -> Callable[[str], GridCard]:
    """Hand out a card."""

    def give(person_id: str) -> GridCard:
        with composition.database.transaction() as session:
            return hand_out_card(
                session, services=composition.idp, person_id=person_id, actor="desk", now=composition.clock.now()
            )

    return give
