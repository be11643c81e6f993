"""Whose account here an account there is: by a cédula that is believed, or linked by the person."""

from __future__ import annotations

from collections.abc import Callable

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person
from tests.idp.web_people.broker.upstream import (
    Events,
    Sessions,
    Way,
    change,
)
from tests.idp.web_people.conftest import Walker


def test_equal_mail_links_nobody(
    way: Way,
    composition: Composition,
    make_person: Callable[..., Person],
    session_of: Sessions,
) -> None:
    """Without a cédula that is believed nobody is linked, whatever else is equal."""
    maria = make_person()
    change(composition, cedula_claim=None)
    way.upstream.claims |= {"email": maria.email, "email_verified": True, "cedula": maria.cedula}
    answer = way.go().back()
    assert answer.status_code == 403
    assert "todavía no está unida" in answer.text
    assert session_of(way.walker) is None


def test_linked_from_the_account_and_let_go(
    way: Way,
    composition: Composition,
    make_person: Callable[..., Person],
    session_of: Sessions,
    events: Events,
) -> None:
    """The person logs in here, shows the account there, and signs in by it until it is let go."""
    maria = make_person()
    change(composition, cedula_claim=None)
    del way.upstream.claims["cedula"]
    way.walker.log_in()
    page = way.walker.get("/account/institutions")
    assert "link-salud" in page.text
    answer = way.leave(way.walker.post("/account/institutions/salud/link")).back()
    assert answer.location.endswith("/account/institutions?linked=1")
    other = Way(Walker(way.walker.app), way.upstream)
    other.go().back()
    opened = session_of(other.walker)
    assert opened is not None
    assert opened.person_id == maria.id
    way.walker.get("/account/institutions")
    way.walker.post("/account/institutions/salud/unlink")
    assert [each.subject for each in events(EventType.UPSTREAM_UNLINKED)] == [maria.id]
    third = Way(Walker(way.walker.app), way.upstream)
    assert third.go().back().status_code == 403


def test_an_account_there_of_another_person(
    way: Way,
    make_person: Callable[..., Person],
) -> None:
    """The believed cédula is not the person's own: neither linked by hand nor later by a new owner of the name."""
    make_person()
    way.walker.log_in()
    way.walker.get("/account/institutions")
    assert "de otra persona" in way.leave(way.walker.post("/account/institutions/salud/link")).back().text
    other = Way(Walker(way.walker.app), way.upstream)
    other.go().back()
    way.upstream.claims["cedula"] = "1710034065"
    assert "de otra persona" in Way(Walker(way.walker.app), way.upstream).go().back().text
