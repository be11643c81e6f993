"""How a client presents itself (RFC 6749 §2.3, RFC 7521 §4.2)."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.client_authentication import ASSERTION_TYPE, read_credentials
from idp.protocol.errors import InvalidClientError
from kernel.identifiers import b64url

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


def _basic(text: str | bytes) -> str:
    octets = text if isinstance(text, bytes) else text.encode()
    return "Basic " + base64.b64encode(octets).decode()


def _assertion(claims: object) -> str:
    return f"e30.{b64url(json.dumps(claims).encode())}.sig"


@given(client_id=TEXT, secret=TEXT)
def test_basic_carries_any_name_and_secret(client_id: str, secret: str) -> None:
    """RFC 6749 §2.3.1: each half is form-urlencoded first, so that even a colon arrives."""
    presented = read_credentials(authorization=_basic(f"{quote_plus(client_id)}:{quote_plus(secret)}"), form={})
    assert (presented.method, presented.client_id) == ("client_secret_basic", client_id)
    assert presented.secret is not None
    assert presented.secret.reveal() == secret
    assert "secret=SecretText(…)" in repr(presented)


def test_each_method_is_recognised() -> None:
    """OpenID Connect Core §9."""
    assert read_credentials(authorization=None, form={"client_id": "a"}).method == "none"
    post = read_credentials(authorization=None, form={"client_id": "a", "client_secret": "s"})
    assert post.method == "client_secret_post"
    signed = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": _assertion({"sub": "a"})}
    presented = read_credentials(authorization=None, form=signed)
    assert (presented.method, presented.client_id) == ("private_key_jwt", "a")


@pytest.mark.parametrize(
    ("authorization", "form"),
    [
        (_basic("a:s"), {"client_secret": "s"}),
        (_basic("a:s"), {"client_assertion": "x"}),
        (None, {"client_id": "a", "client_secret": "s", "client_assertion": "x"}),
    ],
)
def test_more_than_one_method_is_refused(authorization: str | None, form: dict[str, str]) -> None:
    """RFC 6749 §2.3: "MUST NOT use more than one authentication method in each request"."""
    with pytest.raises(InvalidClientError) as caught:
        read_credentials(authorization=authorization, form=form)
    assert caught.value.reason == "two_methods"


def test_two_names_are_refused_and_one_name_twice_is_not() -> None:
    """RFC 7521 §4.2: the client_id, where it comes too, must be the same client's."""
    assert read_credentials(authorization=_basic("a:s"), form={"client_id": "a"}).client_id == "a"
    with pytest.raises(InvalidClientError) as caught:
        read_credentials(authorization=_basic("a:s"), form={"client_id": "b"})
    assert caught.value.reason == "two_client_ids"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        "Basic",
        "Basic !!!",
        "Basic YQ",
        _basic("a"),
        _basic("a:"),
        _basic(":s"),
        _basic("%zz:s"),
        _basic("a:%ff"),
        _basic(b"\xff:s"),
    ],
)
def test_a_malformed_header_is_no_authentication(authorization: str) -> None:
    """RFC 7617 §2: one reason for the record, one error for the client."""
    with pytest.raises(InvalidClientError) as caught:
        read_credentials(authorization=authorization, form={})
    assert caught.value.code == "invalid_client"


@pytest.mark.parametrize("assertion", ["", ".", "a.b.c", _assertion([]), _assertion({}), _assertion({"sub": 1})])
def test_an_assertion_that_names_nobody_is_refused(assertion: str) -> None:
    """RFC 7523 §3: the subject is the client."""
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    with pytest.raises(InvalidClientError) as caught:
        read_credentials(authorization=None, form=form)
    assert caught.value.reason == "malformed_assertion"


@pytest.mark.parametrize("kind", [None, "", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"])
def test_only_signed_jwts_are_assertions(kind: str | None) -> None:
    """RFC 7523 §2.2."""
    form = {"client_assertion": _assertion({"sub": "a"})} | ({} if kind is None else {"client_assertion_type": kind})
    with pytest.raises(InvalidClientError) as caught:
        read_credentials(authorization=None, form=form)
    assert caught.value.reason == "wrong_assertion_type"


@given(authorization=st.none() | TEXT | TEXT.map(_basic), form=st.dictionaries(TEXT, TEXT, max_size=3), value=TEXT)
def test_whatever_is_presented_is_read_or_refused(authorization: str | None, form: dict[str, str], value: str) -> None:
    """Never another error than invalid_client."""
    signed = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": value}
    for body in (form, {**form, "client_id": value}, {**form, **signed}):
        try:
            assert read_credentials(authorization=authorization, form=body).client_id
        except InvalidClientError as error:
            assert error.code == "invalid_client"
