"""Lists of the console: filters, order and page stand in the address, and the number of rows is told."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from flask import Flask

from admin.permissions import Role
from admin.web.listing import Filter, Head, Listing, asked_listing, contains
from composition import Composition
from idp.directory.institutions import Institution, add_institution
from kernel.clock import ManualClock
from tests.admin.conftest import MakeOperator

HEADS = (Head("name", "Nombre", "up"), Head("since", "Desde", "down"), Head("state", "Estado"))
FILTERS = (Filter("q", "Nombre"), Filter("state", "Estado", [("", "Todos"), ("open", "Abierta")]))
ROWS = [("Ñandú", 3), ("águila", None), ("Zorro", 1), ("Búho", 2)]
KEYS = {"name": lambda row: row[0], "since": lambda row: row[1]}


def asked(app: Flask, address: str, *, order: str = "name", size: int = 25) -> Listing:
    """What a request asks of a list with two columns to be arranged by."""
    with app.test_request_context(address):
        return asked_listing("admin_institutions.show_all", heads=HEADS, filters=FILTERS, order=order, size=size)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("name", ["águila", "Búho", "Ñandú", "Zorro"]),  # whatever accents and capitals
        ("-name", ["Zorro", "Ñandú", "Búho", "águila"]),
        ("since", ["Zorro", "Búho", "Ñandú", "águila"]),  # what has no date comes last
        ("-since", ["Ñandú", "Búho", "Zorro", "águila"]),
        ("state", ["águila", "Búho", "Ñandú", "Zorro"]),  # cannot be arranged by: the usual order
    ],
)
def test_arranges_by_the_column_of_the_address(app: Flask, order: str, names: list[str]) -> None:
    """The order stands in the address, and nothing else is heard."""
    listing = asked(app, f"/?order={order}").arranged(ROWS, KEYS)
    assert [row[0] for row in listing.items] == names


def test_each_address_keeps_the_rest(app: Flask) -> None:
    """A page keeps filters and order, a head keeps the filters, a chip takes off one filter and begins anew."""
    with app.test_request_context("/?q=a&state=open&order=-since&page=2"):
        listing = asked_listing("admin_institutions.show_all", heads=HEADS, filters=FILTERS, order="name", size=2)
        listing = listing.arranged(ROWS, KEYS)
        assert parameters(listing.address(page=2)) == {"q": "a", "state": "open", "order": "-since", "page": "2"}
        assert parameters(listing.turn(HEADS[0])) == {"q": "a", "state": "open"}  # the usual one is not said
        assert parameters(listing.turn(HEADS[1])) == {"q": "a", "state": "open", "order": "since"}
        assert [(chip.label, chip.value) for chip in listing.chips] == [("Nombre", "a"), ("Estado", "Abierta")]
        assert parameters(listing.chips[0].without) == {"state": "open", "order": "-since"}
        assert parameters(listing.bare) == {"order": "-since"}
        assert [listing.arranged_by(head) for head in HEADS] == ["none", "descending", "none"]


def test_a_page_behind_the_last_is_the_last(app: Flask) -> None:
    """An address that was kept while rows went away still shows rows."""
    listing = asked(app, "/?page=9", size=3).arranged(ROWS, KEYS)
    assert (listing.number, listing.total, [row[0] for row in listing.items]) == (2, 4, ["Zorro"])


def test_what_the_choices_lack_is_no_filter(app: Flask) -> None:
    """A value that nobody can choose filters nothing, and no chip repeats it."""
    listing = asked(app, "/?state=%3Cscript%3E")
    assert not listing.filtered
    assert listing.chips == []


def test_finds_whatever_the_accents() -> None:
    """Who types on a foreign keyboard finds it, too."""
    assert contains("nandu", "Ñandú")
    assert contains("", "anything")
    assert not contains("oso", "Ñandú")


def test_a_list_in_the_console(
    make_operator: MakeOperator,
    institution: Institution,
    other_institution: Institution,
    composition: Composition,
    clock: ManualClock,
) -> None:
    """Heads are links that say how the rows stand; nothing yet and nothing that matches read differently."""
    administrator = make_operator(Role.PROVIDER_ADMINISTRATOR)
    page = administrator.get("/admin/institutions").text
    assert page.index(other_institution.name) < page.index(institution.name)
    assert 'aria-sort="ascending"><a href="/admin/institutions?order=-name"' in page
    assert "2 instituciones" in page
    turned = administrator.get("/admin/institutions?order=-name").text
    assert turned.index(institution.name) < turned.index(other_institution.name)
    narrowed = administrator.get("/admin/institutions?q=ministerio&order=-name").text
    assert other_institution.name not in narrowed
    assert '<input type="hidden" name="order" value="-name">' in narrowed
    assert 'class="chip" href="/admin/institutions?order=-name"' in narrowed
    none = administrator.get("/admin/institutions?q=nadie").text
    assert 'id="unmatched"' in none
    assert 'id="nothing"' in administrator.get("/admin/deliveries").text
    assert 'id="unmatched"' in administrator.get("/admin/deliveries?state=given_up").text
    with composition.database.transaction() as session:
        for number in range(30):
            add_institution(
                session,
                journal=composition.journal,
                ruc=f"17600{number:05}001",
                name=f"Entidad {number:02}",
                domains=[],
                actor="command",
                now=clock.now(),
            )
    first = administrator.get("/admin/institutions?q=entidad").text
    assert "1 a 25 de 30" in first
    assert 'rel="next" href="/admin/institutions?q=entidad&amp;page=2"' in first
    assert "26 a 30 de 30" in administrator.get("/admin/institutions?q=entidad&page=2").text


def test_the_registers_of_the_authority_are_arranged_in_the_database(make_operator: MakeOperator) -> None:
    """Whatever the address asks for, the register answers; only columns with an index can be arranged by."""
    officer = make_operator(Role.PKI_OFFICER)
    for path, orders in (
        ("/admin/certificates", ("issued", "-expires", "serial", "subject", "'")),
        ("/admin/requests", ("received", "-profile", "status", "for")),
        ("/admin/batches", ("table", "-rows")),
    ):
        for order in orders:
            assert officer.get(f"{path}?order={order}").status_code == 200
    heads = re.findall(r'aria-sort="\w+"><a href="([^"]+)"', officer.get("/admin/certificates?status=valid").text)
    assert all("status=valid" in address for address in heads)


def parameters(address: str) -> Mapping[str, str]:
    """The parameters of an address."""
    query = address.partition("?")[2]
    return dict(pair.split("=") for pair in query.split("&") if pair)
