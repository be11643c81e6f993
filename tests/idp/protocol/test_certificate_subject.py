"""One registered name stands in the certificate (RFC 8705 §2.1.2)."""

from __future__ import annotations

import pytest

from idp.protocol.certificate_subject import CertificateSubjectError, normal_subject, require_named_subject

CERTIFICATE = {
    "subject_dn": "CN=portal,O=Entidad",
    "dns_names": ("portal.example", "*.example"),
    "uris": ("urn:portal:1",),
    "addresses": ("2001:db8::1", "192.0.2.1"),
    "emails": ("Ana@portal.example",),
}


def _require(**expected: str) -> None:
    registered = {f"tls_client_auth_{name}": value for name, value in expected.items()}
    require_named_subject(expected=registered, **CERTIFICATE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject_dn", "CN=portal,O=Entidad"),
        ("san_dns", "PORTAL.example"),
        ("san_uri", "urn:portal:1"),
        ("san_ip", "2001:0db8:0::1"),
        ("san_email", "Ana@PORTAL.example"),
    ],
)
def test_the_registered_name_fits(name: str, value: str) -> None:
    """Compared by the rules of its kind (RFC 5280 §7, RFC 4514)."""
    _require(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject_dn", "CN=portal"),
        ("subject_dn", "O=Entidad,CN=portal"),
        ("subject_dn", "CN=Portal,O=Entidad"),
        ("san_dns", "other.example"),
        ("san_dns", "a.example"),  # a wildcard names no client
        ("san_uri", "URN:portal:1"),
        ("san_ip", "192.0.2.2"),
        ("san_email", "ana@portal.example"),
    ],
)
def test_another_name_does_not(name: str, value: str) -> None:
    """Nothing is taken for nearly the same."""
    with pytest.raises(CertificateSubjectError):
        _require(**{name: value})


def test_exactly_one_name_is_registered() -> None:
    """None is nobody, and two could contradict each other."""
    for expected in ({}, {"subject_dn": "CN=portal,O=Entidad", "san_dns": "portal.example"}):
        with pytest.raises(CertificateSubjectError):
            _require(**expected)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("subject_dn", ""),
        ("subject_dn", "portal"),
        ("subject_dn", 5),
        ("san_ip", "portal.example"),
        ("san_email", "portal.example"),
        ("san_dns", "a\nb"),
        ("san_uri", "x" * 501),
    ],
)
def test_what_is_no_such_name_is_refused(member: str, value: object) -> None:
    """At registration, with words for the developer."""
    with pytest.raises(CertificateSubjectError, match=r".+"):
        normal_subject(f"tls_client_auth_{member}", value)
