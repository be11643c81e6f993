"""What the ID token leaves out is asked at UserInfo, and believed of the same person alone."""

from __future__ import annotations

from typing import Any

import pytest

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import find_person_by_cedula
from idp.broker.provider import Discovered, Endpoints, Provider
from idp.broker.userinfo import groups_in
from outgoing.errors import OutgoingError, OutgoingReason
from tests.idp.web_people.broker.upstream import CEDULA, Events, Sessions, Way


def test_the_cedula_of_userinfo_is_believed_and_nothing_else_of_it(
    way: Way, composition: Composition, session_of: Sessions
) -> None:
    """Asked with the access token; how strong the login was it does not say, nor another name than the ID token."""
    way.upstream.userinfo = {"sub": "u-1", "cedula": CEDULA, "amr": ["mfa"], "given_name": "Otra", "sid": "x"}
    del way.upstream.claims["cedula"]
    assert way.go().back().status_code == 303
    assert way.upstream.asked_userinfo == ["Bearer at"]
    opened = session_of(way.walker)
    assert opened is not None
    assert opened.amr == ("fed",)
    with composition.database.reading() as session:
        person = find_person_by_cedula(session, CEDULA)
    assert person is not None
    assert person.name == "Rosa Elena Chimbo Andi"


def test_it_is_not_asked_where_nothing_is_missing(way: Way) -> None:
    """No question for its own sake."""
    way.go().back()
    assert way.upstream.asked_userinfo == []


@pytest.mark.parametrize(
    ("told", "reason", "why"),
    [
        ({"sub": "u-2", "cedula": CEDULA}, "upstream_answer_wrong", "wrong_userinfo_sub"),
        ({"cedula": CEDULA}, "upstream_answer_wrong", "wrong_userinfo_sub"),
        ([], "upstream_unavailable", "userinfo_not_json"),
        (OutgoingError(OutgoingReason.TIMED_OUT), "upstream_unavailable", "userinfo_timed_out"),
        ({"sub": "u-1"}, "upstream_not_linked", ""),
    ],
    ids=["other", "nobody", "list", "down", "silent"],
)
def test_what_it_says_wrong_lets_nobody_in(
    way: Way, session_of: Sessions, events: Events, told: Any, reason: str, why: str
) -> None:
    """OpenID Connect Core §5.3.4: another ``sub`` may be another person's claims put in."""
    way.upstream.userinfo = told
    del way.upstream.claims["cedula"]
    assert way.go().back().status_code in (403, 503)
    assert session_of(way.walker) is None
    refused = events(EventType.UPSTREAM_VERIFIED)[-1]
    assert refused.reason == reason
    assert not why or f'"why":"{why}"' in bytes(refused.leaf).decode()


@pytest.mark.parametrize(
    ("claim", "claims", "groups"),
    [
        ("groups", {"groups": ["a", 1, "b"]}, ["a", "b"]),
        ("groups", {"groups": "a"}, ["a"]),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, ["a"]),
        ("https://x.test/roles", {"https://x.test/roles": ["a"]}, ["a"]),
        ("realm_access.roles", {"realm_access": ["a"]}, []),
        ("groups", {"groups": {"a": "b"}}, []),
        ("groups", {}, []),
    ],
    ids=range(7),
)
def test_where_groups_stand(claim: str, claims: dict[str, Any], groups: list[str]) -> None:
    """As Keycloak, Entra and others write them; what is no text is none."""
    discovered = Discovered(issuer="x", endpoints=Endpoints("a", "b", "c"), algorithms=(), names_itself=True)
    provider = Provider(
        id="1", name="x", title="x", institution_id="1", discovered=discovered, client_id="x", groups_claim=claim
    )
    assert groups_in(provider, claims) == groups
