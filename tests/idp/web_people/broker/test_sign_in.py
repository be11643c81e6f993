"""Signing in through another provider: what its word is worth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from composition import Composition
from idp.accounts.life import erase_person
from idp.accounts.person import Person, find_person_by_cedula
from idp.authentication.jobs import clean
from idp.broker.model import UpstreamLinkRow, UpstreamRequestRow, UpstreamSessionRow
from idp.broker.provider import parse_strengths
from idp.broker.register import discover, set_provider_active
from kernel.errors import ServiceError
from tests.idp.web_people.broker.upstream import (
    CEDULA,
    ISSUER,
    Sessions,
    Upstream,
    Way,
    change,
)
from tests.idp.web_people.conftest import Walker


def test_somebody_new_by_a_cedula_that_is_believed(way: Way, composition: Composition, session_of: Sessions) -> None:
    """Made with the declared level, linked, logged in; the secret went encoded as RFC 6749 §2.3.1 wants."""
    answer = way.go().back()
    assert answer.status_code == 303
    opened = session_of(way.walker)
    assert opened is not None
    with composition.database.reading() as session:
        person = find_person_by_cedula(session, CEDULA)
    assert person is not None
    assert (opened.person_id, opened.amr, person.level) == (person.id, ("fed",), 2)
    assert way.upstream.forms[0]["Authorization"] == "Basic c2F1OnMlMjVjciUyMGV0"
    assert way.walker.follow(answer).status_code == 200


def test_what_their_word_is_worth_stands_in_the_operators_table(way: Way, session_of: Sessions) -> None:
    """``mfa`` is worth two factors because the operator says so; ``acr`` 4 is worth one."""
    way.upstream.claims |= {"acr": "4", "amr": ["face"]}
    way.go().back()
    first = session_of(way.walker)
    assert first is not None
    assert first.acr == "urn:sau:acr:1fa"
    way.upstream.claims |= {"amr": ["mfa"]}
    other = Way(Walker(way.walker.app), way.upstream)
    other.go().back()
    second = session_of(other.walker)
    assert second is not None
    assert (second.acr, second.amr) == ("urn:sau:acr:2fa", ("fed", "mfa")), "not a password and a code of ours"


def test_our_second_factor_is_asked_where_theirs_counts_for_one(
    way: Way,
    make_person: Callable[..., Person],
    session_of: Sessions,
) -> None:
    """The person who has one proves it here."""
    way.upstream.claims["cedula"] = make_person(totp=True).cedula
    answer = way.go().back()
    assert session_of(way.walker) is None
    assert "código" in way.walker.follow(answer).text


def test_a_key_that_was_published_since(way: Way, composition: Composition, session_of: Sessions) -> None:
    """Its keys are fetched again for a name that is not known, not more often than every few seconds."""
    way.go().back()
    way.upstream.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    way.upstream.header = {"alg": "ES256", "kid": "two"}
    composition.clock.advance(timedelta(seconds=30))  # type: ignore[attr-defined]
    other = Way(Walker(way.walker.app), way.upstream)
    assert other.go().back().status_code == 303
    assert session_of(other.walker) is not None


def test_found_by_name_or_by_the_domain_of_a_mail_address(way: Way, composition: Composition) -> None:
    """Without scripts; a closed provider is offered to nobody."""
    path = way.walker.open_login()
    assert f"{path}/institution" in way.walker.get(path).text
    for typed, found in (
        ("salud", True),
        ("ana@hospital.salud.gob.ec", True),
        ("ana@correo.ec", False),
        ("zzz", False),
    ):
        text = way.walker.get(f"{path}/institution", query_string={"q": typed}).text
        assert ("to-salud" in text) is found, typed
    with composition.database.transaction() as session:
        set_provider_active(session, services=composition.idp, name="salud", active=False, now=composition.clock.now())
    assert way.walker.post(f"{path}/institution", {"provider": "salud"}).status_code == 404
    assert "to-salud" not in way.walker.get(f"{path}/institution").text


def test_what_nobody_can_answer_any_more_is_forgotten(way: Way, composition: Composition) -> None:
    """By the job that tidies up."""
    way.go()
    composition.clock.advance(timedelta(days=3))  # type: ignore[attr-defined]
    clean(composition.idp)
    with composition.database.reading() as session:
        assert session.query(UpstreamRequestRow).count() == 0


def test_our_own_key_instead_of_a_secret(way: Way, composition: Composition) -> None:
    """RFC 7523: an assertion for the issuer, short, verified by what we publish."""
    from idp.tokens.key_rotation import ensure_signing_keys

    change(composition, sealed_secret=None)
    with composition.database.transaction() as session:
        ensure_signing_keys(session, composition.idp, now=composition.clock.now())
    way.go().back()
    with composition.database.reading() as session:
        keys = composition.idp.token_keys.published(session).key_set
    claims = jwt.decode(way.upstream.forms[0]["client_assertion"], keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("sau", "sau", ISSUER)


def test_erasure_takes_all_of_it(way: Way, composition: Composition) -> None:
    """Links, sessions and requests."""
    way.go().back()
    with composition.database.transaction() as session:
        person = find_person_by_cedula(session, CEDULA)
        assert person
        erase_person(
            session, services=composition.idp, person_id=person.id, actor="command", now=composition.clock.now()
        )
        assert session.query(UpstreamLinkRow).count() == session.query(UpstreamSessionRow).count() == 0
        rows = session.query(UpstreamRequestRow).all()
    assert all(re.fullmatch(r"[0-9a-f]{64}", row.state_sha256) for row in rows)


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://otro.test"},
        {"token_endpoint": None},
        {"jwks_uri": "ftp://x"},
        {"response_types_supported": ["id_token"]},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
    ids=["issuer", "token", "jwks", "code", "algorithms"],
)
def test_a_discovery_document_that_is_wrong(
    upstream: Upstream, composition: Composition, changed: dict[str, Any]
) -> None:
    """Nothing is added from it (Discovery §4.3)."""
    document = json.loads(upstream.fetch(ISSUER).body) | changed
    upstream.fetch = lambda url, **_: upstream._answer(document)  # type: ignore[method-assign]
    with pytest.raises(ServiceError) as caught:
        discover(composition.idp, ISSUER)
    assert caught.value.code == "bad_discovery"


def test_the_table_of_strengths_has_two() -> None:
    """Nobody is declared a certificate."""
    with pytest.raises(ServiceError):
        parse_strengths({"x": "certificate"})
