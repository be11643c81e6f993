"""Sign-in through another provider: what its answers are worth, and every answer that is worth nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from werkzeug.test import TestResponse

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import erase_person
from idp.accounts.person import Person, find_person_by_cedula
from idp.authentication.browser_session import BrowserSession, find_browser_session
from idp.authentication.jobs import clean
from idp.broker.model import UpstreamLinkRow, UpstreamRequestRow, UpstreamSessionRow
from idp.broker.provider import parse_strengths
from idp.broker.register import WantedProvider, add_provider, discover, set_provider_active
from idp.directory.institutions import add_institution
from idp.protocol.token_hash import left_half_hash
from kernel.clock import to_timestamp
from kernel.errors import ServiceError
from kernel.identifiers import b64url, sha256
from kernel.secret_text import SecretText
from outgoing.answer import Answer
from outgoing.errors import OutgoingError, OutgoingReason
from tests.idp.web_people.conftest import Walker

ISSUER = "https://sso.salud.gob.ec"
CEDULA = "0912345675"
RUC = "1760013210001"
ROSA = {"sub": "u-1", "cedula": CEDULA, "given_name": "Rosa Elena", "family_name": "Chimbo Andi"}
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Upstream:
    """Another provider, in place of the network: answers what was asked of it, or what a test wants instead."""

    composition: Composition
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    claims: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "u-1",
            "cedula": CEDULA,
            "given_name": "Rosa Elena",
            "family_name": "Chimbo Andi",
        }
    )
    published: list[ECKey] | None = None
    header: dict[str, str] = field(default_factory=lambda: {"alg": "ES256", "kid": "one"})
    signer: Any = None
    down: bool = False
    forms: list[dict[str, str]] = field(default_factory=list)
    nonce: str = ""
    challenge: str = ""

    def fetch(self, url: str, **_: Any) -> Answer:
        """Discovery and keys."""
        if url.endswith("/jwks"):
            keys = [key.as_dict(private=False) for key in self.published or [self.key]]
            return self._answer({"keys": keys})
        return self._answer(
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/auth",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/jwks",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def send(self, url: str, *, body: bytes, headers: Any = None, **_: Any) -> Answer:
        """The token endpoint: verifies the PKCE verifier as a provider does."""
        if self.down:
            raise OutgoingError(OutgoingReason.TIMED_OUT)
        form = dict(parse_qsl(body.decode()))
        self.forms.append({**form, **(headers or {})})
        if form["code"] != "the-code" or b64url(sha256(form["code_verifier"].encode())) != self.challenge:
            return self._answer({"error": "invalid_grant"}, 400)
        return self._answer({"access_token": "at", "token_type": "Bearer", "id_token": self.id_token()})

    def require_target(self, url: str) -> None:
        """Any."""

    def id_token(self) -> str:
        """Sign the claims of the moment."""
        now = to_timestamp(self.composition.clock.now())
        usual = {
            "iss": ISSUER,
            "aud": "sau",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "at_hash": left_half_hash("at", algorithm="ES256"),
        }
        return self.sign({**usual, **self.claims})

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign anything."""
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.header["alg"] == "none":
            return ".".join(b64url(json.dumps(part).encode()) for part in (self.header, claims)) + "."
        return str(jwt.encode(self.header, claims, self.signer or self.key, algorithms=[self.header["alg"]]))

    def _answer(self, document: Any, status: int = 200) -> Answer:
        return Answer(status, {"content-type": "application/json"}, json.dumps(document).encode())


@pytest.fixture
def upstream(composition: Composition) -> Iterator[Upstream]:
    """The ministry's provider, registered with its cédula believed."""
    made = Upstream(composition)
    composition.idp.__dict__["outgoing"] = made
    composition.idp.remote_keys.__dict__["_outgoing"] = made
    register(composition)
    yield made


def register(composition: Composition, **changed: Any) -> None:
    """Add the provider as the command does."""
    services, now = composition.idp, composition.clock.now()
    values: dict[str, Any] = {
        "name": "salud",
        "title": "Ministerio de Salud Pública",
        "ruc": RUC,
        "issuer": ISSUER,
        "client_id": "sau",
        "secret": SecretText("s%cr et"),
        "scopes": ["cedula"],
        "domains": ["salud.gob.ec"],
        "cedula_claim": "cedula",
        "strengths": {"mfa": "2fa"},
        "level": 2,
        "creates_people": True,
    }
    discovered = discover(services, ISSUER)
    with composition.database.transaction() as session:
        add_institution(session, journal=services.journal, ruc=RUC, name="Salud", now=now)
        add_provider(
            session, services=services, wanted=WantedProvider(**{**values, **changed}), discovered=discovered, now=now
        )


def change(composition: Composition, **values: Any) -> None:
    """Change what the operator declared."""
    from sqlalchemy import update

    from idp.broker.model import UpstreamProviderRow

    with composition.database.transaction() as session:
        session.execute(update(UpstreamProviderRow).values(**values))


@dataclass
class Way:
    """A browser on its way through the provider."""

    walker: Walker
    upstream: Upstream
    state: str = ""

    def go(self) -> Way:
        """Choose the institution; the provider sees the request."""
        path = self.walker.open_login()
        assert "Ministerio de Salud" in self.walker.get(f"{path}/institution").text
        return self.leave(self.walker.post(f"{path}/institution", {"provider": "salud"}))

    def leave(self, answer: TestResponse) -> Way:
        """Look at where the browser is sent."""
        assert answer.status_code == 303, answer.text
        assert answer.location.startswith(f"{ISSUER}/auth?")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}
        assert asked["redirect_uri"] == "http://localhost:8000/broker/salud/callback"
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"] == "openid profile email cedula"
        self.state, self.upstream.nonce, self.upstream.challenge = (
            asked["state"],
            asked["nonce"],
            asked["code_challenge"],
        )
        return self

    def back(self, walker: Walker | None = None, **changed: str | None) -> TestResponse:
        """Come back with the provider's answer."""
        values = {"state": self.state, "code": "the-code", "iss": ISSUER, **changed}
        query = {name: value for name, value in values.items() if value is not None}
        return (walker or self.walker).get("/broker/salud/callback", query_string=query)


@pytest.fixture
def way(walker: Walker, upstream: Upstream) -> Way:
    """A visitor."""
    return Way(walker, upstream)


@pytest.fixture
def session_of(composition: Composition) -> Callable[[Walker], BrowserSession | None]:
    """The live session of a browser."""

    def find(walker: Walker) -> BrowserSession | None:
        with composition.database.reading() as session:
            return find_browser_session(session, secret=walker.cookie("sau_session"), now=composition.clock.now())

    return find


Sessions = Callable[[Walker], BrowserSession | None]
Events = Callable[..., list[Any]]


def test_somebody_new_by_a_cedula_that_is_believed(way: Way, composition: Composition, session_of: Sessions) -> None:
    """Made with the declared level, linked, logged in; the secret went encoded as RFC 6749 §2.3.1 wants."""
    answer = way.go().back()
    assert answer.status_code == 303
    opened = session_of(way.walker)
    assert opened is not None
    with composition.database.reading() as session:
        person = find_person_by_cedula(session, CEDULA)
    assert person is not None
    assert (opened.person_id, opened.amr, person.level) == (person.id, ("pwd",), 2)
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
    assert second.acr == "urn:sau:acr:2fa"


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


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://otro.test"}, "wrong_iss"),
        ({"aud": "otra"}, "wrong_aud"),
        ({"aud": ["sau", "otra"]}, "wrong_azp"),
        ({"aud": ["sau", "otra"], "azp": "otra"}, "wrong_azp"),
        ({"nonce": "otro"}, "wrong_nonce"),
        ({"nonce": None}, "bad_nonce"),
        ({"exp": 1}, "expired"),
        ({"iat": 1}, "wrong_iat"),
        ({"exp": None}, "bad_exp"),
        ({"sub": None}, "bad_sub"),
        ({"at_hash": "otro"}, "wrong_at_hash"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_id_token_that_is_wrong(
    way: Way,
    session_of: Sessions,
    events: Events,
    claims: dict[str, Any],
    why: str,
) -> None:
    """OpenID Connect Core §3.1.3.7: one page, nobody logged in, the reason on record."""
    way.upstream.claims |= claims
    answer = way.go().back()
    assert answer.status_code == 403
    assert "no prueba quién es usted" in answer.text
    assert session_of(way.walker) is None
    refused = events(EventType.UPSTREAM_VERIFIED)[-1]
    assert refused.reason == "upstream_answer_wrong"
    assert f'"why":"{why}"' in bytes(refused.leaf).decode()


@pytest.mark.parametrize("kind", ["none", "HS256", "other_key"])
def test_a_signature_that_proves_nothing(way: Way, session_of: Sessions, kind: str) -> None:
    """No algorithm, one by a shared secret, another key of the same name."""
    if kind == "none":
        way.upstream.header = {"alg": "none"}
    elif kind == "HS256":
        way.upstream.header, way.upstream.signer = {"alg": "HS256", "kid": "one"}, OctKey.import_key(b"s" * 32)
    else:
        way.upstream.signer = ECKey.generate_key("P-256", {"kid": "one"})
    assert way.go().back().status_code == 403
    assert session_of(way.walker) is None


def test_a_key_that_was_published_since(way: Way, composition: Composition, session_of: Sessions) -> None:
    """Its keys are fetched again for a name that is not known, not more often than every few seconds."""
    way.go().back()
    way.upstream.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    way.upstream.header = {"alg": "ES256", "kid": "two"}
    composition.clock.advance(timedelta(seconds=30))  # type: ignore[attr-defined]
    other = Way(Walker(way.walker.app), way.upstream)
    assert other.go().back().status_code == 303
    assert session_of(other.walker) is not None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"state": "otro"}, "ya no existe"),
        ({"state": None}, "ya no existe"),
        ({"iss": "https://otro.test"}, "otra institución"),
        ({"iss": None}, "otra institución"),
        ({"error": "access_denied", "code": None}, "no lo dejó"),
        ({"code": None}, "no lo dejó"),
        ({"code": "otro"}, "no responde"),
    ],
    ids=["state", "no-state", "mix-up", "no-iss", "denied", "no-code", "code"],
)
def test_an_answer_that_is_wrong(way: Way, session_of: Sessions, changed: dict[str, str | None], words: str) -> None:
    """Each its own page (RFC 9207 §2.4 for the mix-up)."""
    answer = way.go().back(**changed)
    assert answer.status_code in (403, 404, 503), answer.text
    assert words in answer.text
    assert session_of(way.walker) is None


def test_an_answer_is_taken_once_and_in_its_own_browser(way: Way, app: Flask, session_of: Sessions) -> None:
    """A replay, and somebody else's browser: which uses it up (login CSRF)."""
    way.go().back()
    assert way.back().status_code == 404
    second, victim = Way(Walker(app), way.upstream), Walker(app)
    victim.open_login()
    second.go()
    assert "otro navegador" in second.back(victim).text
    assert session_of(victim) is None
    assert second.back().status_code == 404


def test_an_answer_that_comes_too_late(way: Way, composition: Composition) -> None:
    """Ten minutes."""
    way.go()
    composition.clock.advance(timedelta(minutes=11))  # type: ignore[attr-defined]
    assert way.back().status_code == 404


def test_where_it_goes_on_is_not_for_the_answer_to_say(way: Way) -> None:
    """No open redirect."""
    answer = way.go().back(next="https://mal.test", redirect_uri="https://mal.test")
    assert urlsplit(answer.location).netloc in ("", "localhost")


def test_the_provider_is_down(way: Way, events: Events) -> None:
    """A plain page, and the reason on record."""
    way.upstream.down = True
    assert way.go().back().status_code == 503
    assert events(EventType.UPSTREAM_VERIFIED)[-1].reason == "upstream_unavailable"


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


def test_their_logout_ends_our_session(way: Way, session_of: Sessions, events: Events) -> None:
    """OpenID Connect Back-Channel Logout §2.6; an ID token is no logout token, nor is one of another audience."""
    way.upstream.claims["sid"] = "s-1"
    way.go().back()
    now = to_timestamp(way.upstream.composition.clock.now())
    right = {"iss": ISSUER, "aud": "sau", "iat": now, "exp": now + 60, "jti": "j", "sid": "s-1", "events": {LOGOUT: {}}}
    wrong = [
        {**right, "aud": "otra"},
        {**right, "nonce": "n"},
        {**right, "events": {}},
        {**right, "sid": None},
        {**right, "exp": 1},
    ]
    anyone = Walker(way.walker.app)
    for claims in wrong:
        answer = anyone.client.post("/broker/salud/logout", data={"logout_token": way.upstream.sign(claims)})
        assert answer.status_code == 400
    assert session_of(way.walker) is not None
    answer = anyone.client.post(
        "/broker/salud/logout", data={"logout_token": way.upstream.sign({**right, "sid": "s-2"})}
    )
    assert answer.status_code == 200
    assert session_of(way.walker) is not None
    answer = anyone.client.post("/broker/salud/logout", data={"logout_token": way.upstream.sign(right)})
    assert answer.status_code == 200
    assert session_of(way.walker) is None
    assert len(events(EventType.UPSTREAM_LOGGED_OUT)) == 7


@pytest.mark.parametrize("when", ["after our second step", "before it"])
def test_their_logout_ends_what_our_own_second_step_finished(
    way: Way,
    make_person: Callable[..., Person],
    session_of: Sessions,
    code: Callable[..., str],
    when: str,
) -> None:
    """The session rests on theirs although it was opened here; a login that waits for its second step does, too."""
    person = make_person(totp=True)
    way.upstream.claims |= {"cedula": person.cedula, "sid": "s-1"}
    step = way.go().back().headers["Location"]
    now = to_timestamp(way.upstream.composition.clock.now())
    token = {"iss": ISSUER, "aud": "sau", "iat": now, "exp": now + 60, "jti": "j", "sid": "s-1", "events": {LOGOUT: {}}}

    def leave_there() -> None:
        Walker(way.walker.app).client.post("/broker/salud/logout", data={"logout_token": way.upstream.sign(token)})

    def finish_here() -> None:
        way.walker.get(step)
        way.walker.post(step, {"step": "second_factor", "method": "totp", "code": code()})

    if when == "before it":
        leave_there()
        finish_here()
    else:
        finish_here()
        assert session_of(way.walker) is not None
        leave_there()
    assert session_of(way.walker) is None


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
