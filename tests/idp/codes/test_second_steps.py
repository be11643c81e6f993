"""Adding and removing kinds of second step in the account."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person, find_person
from idp.authentication.recovery_codes import count_recovery_codes
from idp.authentication.second_factor_kinds import second_factors_of
from idp.codes.code_factor import find_code_factor
from idp.codes.grid_card import GridCard
from idp.codes.model import GridSheetRow
from idp.codes.sent_code import Channel
from kernel.clock import ManualClock
from tests.idp.codes.conftest import PHONE
from tests.idp.web_people.conftest import Walker, mail_code


def _cells(page: str) -> tuple[list[str], dict[str, str]]:
    """Return the positions that are asked, and the card as the page shows it."""
    cells = {}
    for row, line in re.findall(r'<tr><th scope="row">(\d)</th>(.*?)</tr>', page):
        for column, value in zip("ABCDEFGH", re.findall(r">(\d{3})</td>", line), strict=True):
            cells[f"{column}{row}"] = value
    return re.findall(r'<b class="big">([A-H][1-8])</b>', page), cells


def _kinds(composition: Composition, person: Person) -> list[str]:
    with composition.database.reading() as session:
        return [kind.name for kind in second_factors_of(session, person.id)]


def test_a_telephone_becomes_a_second_step_by_the_code_that_confirms_it(
    composition: Composition,
    walker: Walker,
    make_person: Callable[..., Person],
    messages: Callable[[], list[Any]],
    mails: Callable[[], list[Any]],
    events: Callable[..., list[Any]],
) -> None:
    """One message, not two; the session is stepped up, recovery codes are shown, the mailbox is told."""
    person = make_person()
    walker.follow(walker.log_in())
    page = walker.get("/account/second-steps").text
    assert [f'id="add-{kind}"' in page for kind in ("totp", "sms", "grid", "email")] == [True] * 4
    before = walker.cookie("sau_session")
    page = walker.follow(walker.get("/account/second-steps/sms"))
    assert page.request.path == "/account/phone"
    assert walker.post(f"{page.request.path}?use=second_step", {"phone": "022345678"}).status_code == 422
    answer = walker.post("/account/phone?use=second_step", {"phone": "099 123 4567"})
    walker.get(answer.location)
    assert [sms.to for sms in messages()] == [PHONE]
    page = walker.follow(walker.post(answer.location, {"step": "code", "code": mail_code(messages()[0].text)}))
    assert page.request.path == "/account/recovery-codes"
    assert len(re.findall(r"[0-9A-Z]{5}-[0-9A-Z]{5}", page.text)) == 10
    assert _kinds(composition, person) == ["sms", "recovery_code"]
    assert walker.cookie("sau_session") != before
    assert "un celular para códigos por mensaje" in mails()[0].body
    assert "segundo paso" in messages()[0].text
    assert len(events(EventType.SMS_CODE_ENROLLED)) == 1
    assert "••••••567" in walker.get("/account/security").text
    page = walker.get("/account/second-steps").text
    assert [f'id="add-{kind}"' in page for kind in ("totp", "sms", "grid", "email")] == [True, False, True, False]


def test_a_telephone_changes_when_the_new_one_answers_and_the_old_one_is_told(
    composition: Composition,
    walker: Walker,
    make_person: Callable[..., Person],
    with_phone: Callable[..., None],
    messages: Callable[[], list[Any]],
    mails: Callable[[], list[Any]],
) -> None:
    """Double verification: nothing changes before the code; then telephone and mailbox hear of it."""
    person = make_person()
    with_phone(person.id, factor=False)
    walker.follow(walker.log_in())
    walker.get("/account/phone")
    answer = walker.post("/account/phone", {"phone": "098 765 4321"})
    walker.get(answer.location)

    def phone() -> str:
        with composition.database.reading() as session:
            return find_person(session, person.id).phone

    assert phone() == PHONE
    assert walker.post(answer.location, {"step": "code", "code": "00000000"}).status_code in (303, 422)
    walker.post(answer.location, {"step": "code", "code": mail_code(messages()[0].text)})
    assert phone() == "+593987654321"
    assert messages()[0].to == PHONE
    assert "No fui yo" in messages()[0].text
    assert "••••••321" in mails()[0].body
    assert "098 765 4321" in walker.get("/account/profile").text


def test_a_card_is_shown_once_and_confirmed_by_its_cells(
    composition: Composition,
    walker: Walker,
    app: Any,
    make_person: Callable[..., Person],
    events: Callable[..., list[Any]],
) -> None:
    """Reload shows the same, another session another; PDF prints it; after the first answer nobody can read it."""
    person = make_person()
    walker.follow(walker.log_in())
    page = walker.get("/account/second-steps/card").text
    asked, cells = _cells(page)
    assert len(cells) == 64
    assert _cells(walker.get("/account/second-steps/card").text) == (asked, cells)
    other = Walker(app)
    other.follow(other.log_in())
    assert _cells(other.get("/account/second-steps/card").text)[1] != cells
    pdf = walker.client.get("/account/second-steps/card.pdf")
    assert pdf.status_code in (200, 503)
    assert pdf.status_code == 503 or pdf.data.startswith(b"%PDF")
    walker.get("/account/second-steps/card")
    wrong = walker.post("/account/second-steps/card", {"code": "1"})
    assert wrong.status_code == 422
    assert _cells(wrong.text) == (asked, cells)
    page = walker.follow(walker.post("/account/second-steps/card", {"code": "".join(cells[at] for at in asked)}))
    assert page.request.path == "/account/recovery-codes"
    assert _kinds(composition, person) == ["grid", "recovery_code"]
    assert [event.outcome for event in events(EventType.GRID_CARD_ENROLLED)] == ["failure", "success"]
    with composition.database.reading() as session:
        assert session.query(GridSheetRow).count() == 0
    assert _cells(walker.get("/account/second-steps/card").text)[1] != cells, "a new one, to replace it"


@pytest.mark.parametrize("kind", ["sms", "card"])
def test_removing_the_last_second_step_removes_the_recovery_codes(
    composition: Composition,
    walker: Walker,
    make_person: Callable[..., Person],
    with_phone: Callable[..., None],
    with_card: Callable[[str], GridCard],
    kind: str,
) -> None:
    """While another kind is left they stay."""
    person = make_person()
    walker.follow(walker.log_in())
    asked, cells = _cells(walker.get("/account/second-steps/card").text)
    walker.post("/account/second-steps/card", {"code": "".join(cells[at] for at in asked)})
    with_phone(person.id)
    other = "card" if kind == "sms" else "sms"
    for removed, left in ((kind, 10), (other, 0)):
        walker.get(f"/account/second-steps/{removed}/remove")
        assert walker.post(f"/account/second-steps/{removed}/remove").status_code == 303
        with composition.database.reading() as session:
            assert count_recovery_codes(session, person.id) == left
    assert _kinds(composition, person) == []


def test_the_code_by_mail_on_new_devices_is_a_switch(
    composition: Composition, walker: Walker, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """On and off, each on record."""
    person = make_person()
    walker.follow(walker.log_in())
    for switch in ("on", "off"):
        walker.get("/account/second-steps/mail")
        assert walker.post("/account/second-steps/mail", {"switch": switch}).status_code == 303
        with composition.database.reading() as session:
            assert (find_code_factor(session, person.id, Channel.EMAIL) is not None) is (switch == "on")
        clock.advance(timedelta(minutes=1))
