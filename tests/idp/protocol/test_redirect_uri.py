"""Redirect URIs are compared as texts (RFC 9700 §2.1, §4.1.3; RFC 8252 §7.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.errors import NotRedirectableError
from idp.protocol.redirect_uri import require_registered_redirect_uri

WEB = "https://portal.example/cb?tenant=1"
LOOPBACK = ("http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost/cb")


def _refuse(presented: str | None, registered: tuple[str, ...], *, native: bool) -> None:
    with pytest.raises(NotRedirectableError) as caught:
        require_registered_redirect_uri(presented, registered=registered, native=native)
    assert caught.value.code == "invalid_redirect_uri"


def test_a_registered_address_is_returned_as_it_is() -> None:
    """RFC 6749 §3.1.2.3."""
    assert require_registered_redirect_uri(WEB, registered=("https://a.example/", WEB), native=False) == WEB


@pytest.mark.parametrize(
    "presented",
    [
        None,
        "",
        "https://portal.example/cb",
        "https://portal.example/cb?tenant=1&x=2",
        "https://portal.example/cb?tenant=1#",
        "https://portal.example/cb/?tenant=1",
        "https://portal.example:443/cb?tenant=1",
        "https://PORTAL.example/cb?tenant=1",
        "http://portal.example/cb?tenant=1",
        "https://portal.example/cb/../cb?tenant=1",
        "https://portal.example/%63b?tenant=1",
        "https://portal.example@evil.example/cb?tenant=1",
        "https://portal.example.evil.example/cb?tenant=1",
        " https://portal.example/cb?tenant=1",
    ],
)
def test_any_difference_is_another_address(presented: str | None) -> None:
    """RFC 9700 §4.1.3: exact string matching, no pattern, no normalisation."""
    _refuse(presented, (WEB,), native=False)
    _refuse(presented, (WEB,), native=True)


@given(st.text(max_size=60))
def test_nothing_unregistered_ever_passes(presented: str) -> None:
    """Whatever is presented is refused or stands in the registration."""
    _refuse(presented, (WEB, *LOOPBACK), native=False)


@given(uri=st.sampled_from(LOOPBACK), port=st.integers(min_value=1, max_value=65535))
def test_the_port_of_a_native_loopback_address_may_vary(uri: str, port: int) -> None:
    """RFC 8252 §7.3: the system hands out the port at the time of the request."""
    presented = uri.replace("/cb", f":{port}/cb")
    assert require_registered_redirect_uri(presented, registered=LOOPBACK, native=True) == presented
    fixed = uri.replace("/cb", ":8080/cb")
    assert require_registered_redirect_uri(presented, registered=(fixed,), native=True) == presented


def test_the_port_of_a_web_client_may_not() -> None:
    """RFC 8252 §7.3 speaks of native applications only."""
    _refuse("http://localhost:9/cb", LOOPBACK, native=False)


@pytest.mark.parametrize(
    "presented",
    [
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:8080/other",
        "http://127.0.0.1:8080/cb?x=1",
        "http://127.0.0.2:8080/cb",
        "https://127.0.0.1:8080/cb",
        "http://127.0.0.1:8080@evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://localhost:8080",
        "http://127.0.0.1:٨٠/cb",
    ],
)
def test_nothing_but_the_port_may_vary(presented: str) -> None:
    """RFC 8252 §7.3, §8.3: host, path and query are still compared character by character."""
    _refuse(presented, ("http://127.0.0.1/cb", "http://localhost/cb"), native=True)


def test_a_private_scheme_is_compared_like_any_other() -> None:
    """RFC 8252 §7.1."""
    uri = "ec.gob.app:/cb"
    assert require_registered_redirect_uri(uri, registered=(uri,), native=True) == uri
    _refuse("ec.gob.app:/cb/", (uri,), native=True)
