"""What people see of an application's own pages: links to read, an entrance to open; never its pictures."""

from __future__ import annotations

import pytest

from composition import Composition
from idp.clients.client import find_client
from idp.clients.initiated_login import initiation_link
from idp.clients.register import disable_client
from tests.idp.relying_party import Visitor, register

PAGES = {
    "client_uri": "https://portal.example/",
    "policy_uri": "https://portal.example/privacidad?a=1&b=2",
    "tos_uri": "https://portal.example/condiciones",
    "logo_uri": "https://portal.example/logo.png",
}


def test_the_consent_page_links_the_pages_and_fetches_no_logo(composition: Composition, visitor: Visitor) -> None:
    """RFC 7591 §2 policy_uri, tos_uri. A picture would tell a stranger's server who logs in where."""
    party = register(composition, **PAGES)
    page = visitor.http.get(visitor.http.get(party.authorization_url()).headers["Location"]).text
    for shown in ("https://portal.example/privacidad?a=1&amp;b=2", "https://portal.example/condiciones"):
        assert f'<a href="{shown}" target="_blank" rel="noopener noreferrer">' in page
    assert "logo.png" not in page
    plain = register(composition)
    page = visitor.http.get(visitor.http.get(plain.authorization_url()).headers["Location"]).text
    assert "noopener" not in page


@pytest.mark.parametrize(
    ("registered", "link"),
    [
        ("https://portal.example/login", "https://portal.example/login?iss=http%3A%2F%2Flocalhost%3A8000"),
        ("https://portal.example/login?a=1", "https://portal.example/login?a=1&iss=http%3A%2F%2Flocalhost%3A8000"),
    ],
)
def test_a_login_begins_at_the_registered_address(
    composition: Composition, visitor: Visitor, registered: str, link: str
) -> None:
    """OpenID Connect Core §4: iss, and nothing about the person; the account page offers it where it was registered."""
    party = register(composition, initiate_login_uri=registered)
    visitor.authorize(party)
    page = visitor.http.get("/account/services").text
    assert f'href="{link.replace("&", "&amp;")}"' in page
    with composition.database.transaction() as session:
        client = find_client(session, party.client_id)
        assert initiation_link(client, issuer="http://localhost:8000") == link
        now = composition.clock.now()
        closed = disable_client(session, journal=composition.journal, client_id=party.client_id, now=now)
        assert initiation_link(closed, issuer="http://localhost:8000") is None
    assert link.replace("&", "&amp;") not in visitor.http.get("/account/services").text
