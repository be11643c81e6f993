"""The authorization request and the order of its rules (OpenID Connect Core §3.1.2, RFC 6749 §4.1.2.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.clients.policy import CLASSIC, FAPI2, FAPI2_MESSAGE_SIGNING, WEB, ClientPolicy
from idp.clients.registration.metadata import ClientMetadata
from idp.protocol.authorization_request import (
    NONCE_LIMIT,
    STATE_LIMIT,
    AuthorizationRequest,
    ReturnAddress,
)
from idp.protocol.errors import NotRedirectableError, RedirectableError
from idp.protocol.parameters import ParametersError, read_parameters
from idp.protocol.pkce import challenge_of
from idp.protocol.request_origin import RequestOrigin, require_origin

URI = "https://portal.example/cb"
GOOD = {
    "response_type": "code",
    "client_id": "portal",
    "redirect_uri": URI,
    "scope": "openid profile",
    "state": "s",
    "nonce": "n",
    "code_challenge": challenge_of("v" * 43),
    "code_challenge_method": "S256",
}

CODE_ONLY = ClientMetadata()


@dataclass(frozen=True)
class Portal:
    """A client as the rules see it."""

    client_id: str = "portal"
    application_type: str = "web"
    redirect_uris: tuple[str, ...] = (URI,)
    scopes: tuple[str, ...] = ("openid", "profile")
    grant_types: tuple[str, ...] = ("authorization_code",)
    minimum_acr: str | None = None
    is_public: bool = False
    policy: ClientPolicy = WEB
    metadata: ClientMetadata = CODE_ONLY


def _parse(*more: tuple[str, str], client: Portal | None = None, **changes: str | None) -> AuthorizationRequest:
    client = client or Portal()
    pairs = [(name, value) for name, value in ({**GOOD, **changes}).items() if value is not None]
    parameters = read_parameters([*pairs, *more])
    address = ReturnAddress.parse(parameters, client=client)
    origin = RequestOrigin(dpop_jkt=parameters.get("dpop_jkt"))
    return AuthorizationRequest.parse(
        parameters, client=client, address=address, known_acr=("weak", "strong"), userinfo="u", origin=origin
    )


def _error(*more: tuple[str, str], client: Portal | None = None, **changes: str | None) -> str:
    with pytest.raises(RedirectableError) as caught:
        _parse(*more, client=client, **changes)
    assert caught.value.public_detail.isascii()  # RFC 6749 §4.1.2.1: error_description is ASCII
    return caught.value.code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code code2"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unauthorized_client"),
        ({"response_type": "id_token"}, "unauthorized_client"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid email"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "x"}, "invalid_request"),
        ({"state": "x" * (STATE_LIMIT + 1)}, "invalid_request"),
        ({"nonce": "x" * (NONCE_LIMIT + 1)}, "invalid_request"),
    ],
)
def test_each_rule_has_its_error(changes: dict[str, str | None], code: str) -> None:
    """RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6."""
    assert _error(**changes) == code


EVERY_TYPE = ClientMetadata(
    response_types=("code", "id_token", "token id_token", "code id_token", "code token", "code id_token token")
)


@pytest.mark.parametrize("response_type", ["id_token", "id_token token", "token id_token", "code token id_token"])
def test_tokens_in_the_redirect_need_policy_registration_and_a_nonce(response_type: str) -> None:
    """OpenID Connect Core §3.2.2.1; the parts have no order (RFC 6749 §3.1.1)."""
    classic = Portal(policy=CLASSIC, metadata=EVERY_TYPE)
    request = _parse(client=classic, response_type=response_type)
    assert request.response_mode == "fragment"
    assert _error(client=classic, response_type=response_type, nonce=None) == "invalid_request"
    assert _error(client=classic, response_type=response_type, response_mode="query") == "invalid_request"
    assert _error(client=Portal(policy=CLASSIC), response_type=response_type) == "unauthorized_client"
    assert _error(client=Portal(metadata=EVERY_TYPE), response_type=response_type) == "unauthorized_client"


def test_code_token_needs_no_nonce_for_no_id_token_travels() -> None:
    """OpenID Connect Core §3.3.2.11 asks it of ID tokens in the redirect."""
    assert _parse(client=Portal(policy=CLASSIC, metadata=EVERY_TYPE), response_type="code token", nonce=None)


@pytest.mark.parametrize("bound", ["dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"])
def test_tokens_that_are_bound_to_a_key_do_not_come_by_redirect(bound: str) -> None:
    """RFC 9449 §5.2, RFC 8705 §3.4: a bearer token would be the way around."""
    metadata = replace(EVERY_TYPE, **{bound: True})
    client = Portal(policy=CLASSIC, metadata=metadata)
    assert _error(client=client, response_type="code token") == "unauthorized_client"
    assert _parse(client=client, response_type="code id_token")


def test_pkce_is_left_to_confidential_clients_of_a_policy_that_says_so() -> None:
    """OpenID Provider, rule 3: a public client without ``code_challenge`` is refused."""
    none: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
    assert _parse(client=Portal(policy=CLASSIC), **none).code_challenge is None
    assert _error(client=Portal(policy=CLASSIC, is_public=True), **none) == "invalid_request"
    assert _error(client=Portal(policy=CLASSIC), code_challenge_method="plain") == "invalid_request"


def test_the_registered_age_of_a_login_holds_where_the_request_says_nothing() -> None:
    """OpenID Connect Dynamic Client Registration §2, default_max_age: the parameter overrides it."""
    client = Portal(metadata=ClientMetadata(default_max_age=600))
    assert _parse(client=client).max_age == 600
    assert _parse(client=client, max_age="0").max_age == 0


def test_a_policy_of_signed_answers_signs_errors_too() -> None:
    """FAPI 2.0 Message Signing §5.4."""
    parameters = read_parameters((GOOD | {"response_mode": "query"}).items())
    address = ReturnAddress.parse(parameters, client=Portal(policy=FAPI2_MESSAGE_SIGNING))
    assert address.response_mode == "query.jwt"


@pytest.mark.parametrize(
    ("client", "served", "refused"),
    [
        (Portal(policy=FAPI2), RequestOrigin(pushed=True), RequestOrigin(signed=True)),
        (Portal(policy=FAPI2_MESSAGE_SIGNING), RequestOrigin(pushed=True, signed=True), RequestOrigin(pushed=True)),
        (
            Portal(metadata=ClientMetadata(require_pushed_authorization_requests=True)),
            RequestOrigin(pushed=True),
            RequestOrigin(),
        ),
        (
            Portal(metadata=ClientMetadata(require_signed_request_object=True)),
            RequestOrigin(signed=True),
            RequestOrigin(pushed=True),
        ),
        (Portal(), RequestOrigin(), RequestOrigin(contradicted=("state",))),
    ],
)
def test_a_request_comes_as_policy_and_registration_say(
    client: Portal, served: RequestOrigin, refused: RequestOrigin
) -> None:
    """OpenID Provider, rules 10, 11; RFC 9126 §6, RFC 9101 §10.5."""
    require_origin(served, client=client)
    with pytest.raises(RedirectableError) as caught:
        require_origin(refused, client=client)
    assert caught.value.code == "invalid_request"


def test_a_service_without_people_is_told_so() -> None:
    """RFC 6749 §4.1.2.1: unauthorized_client."""
    assert _error(client=Portal(grant_types=("client_credentials",))) == "unauthorized_client"


@pytest.mark.parametrize("name", [name for name in GOOD if name not in ("client_id", "redirect_uri")] + ["ключ"])
def test_a_parameter_twice_is_an_invalid_request(name: str) -> None:
    """RFC 6749 §3.1; it wins over every other rule."""
    assert _error((name, "1"), (name, "2"), response_type="token") == "invalid_request"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_two_addresses_or_clients_are_no_address(name: str) -> None:
    """RFC 9700 §4.11: which of them is meant is not ours to guess, so nothing redirects."""
    with pytest.raises(NotRedirectableError):
        _parse((name, GOOD[name]))


def test_errors_travel_without_a_state_that_cannot_be_trusted() -> None:
    """Two states, or one without end, are none."""
    for more, changes in ((("state", "t"), {}), (("x", "y"), {"state": "x" * (STATE_LIMIT + 1)})):
        parameters = read_parameters([*(GOOD | changes).items(), more])
        assert ReturnAddress.parse(parameters, client=Portal()).state is None


@given(
    prompt=st.sampled_from([None, "none", "login consent"]),
    max_age=st.none() | st.integers(0, 10**6).map(str),
    nonce=st.none()
    | st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1),
    acr=st.sampled_from([None, "weak", "strong weak", "unknown"]),
    mode=st.sampled_from([None, "query", "form_post", "jwt"]),
    locales=st.sampled_from([None, "qu es", "en"]),
)
def test_a_request_survives_the_wait_for_the_person(
    prompt: str | None, max_age: str | None, nonce: str | None, acr: str | None, mode: str | None, locales: str | None
) -> None:
    """What is kept in an interaction, as JSON, comes back as the same request: nothing is parsed twice."""
    request = _parse(
        prompt=prompt, max_age=max_age, nonce=nonce, acr_values=acr, response_mode=mode, ui_locales=locales
    )
    document: Any = json.loads(json.dumps(request.to_document()))
    assert AuthorizationRequest.from_document(document) == request
    assert request.address == AuthorizationRequest.from_document(document).address


@given(st.dictionaries(st.sampled_from([*GOOD, "prompt", "max_age", "acr_values", "ui_locales"]), st.text(max_size=40)))
def test_no_value_makes_a_rule_fail(changes: dict[str, str]) -> None:
    """A valid request or an error of the protocol, whatever comes."""
    try:
        request = _parse(**changes)
    except (NotRedirectableError, RedirectableError, ParametersError) as error:
        assert error.code
    else:
        assert request.redirect_uri == URI
        assert "openid" in request.scopes
