"""What of a certificate the outside linter's verdict can depend on: certificates of one shape are judged alike.

Everything in a certificate is part of its shape as it stands, octet for octet, except what is named here: the serial
number, the moment, the key's own number, its identifier, the letters of a server's name and those of a common name.
Of these the shape keeps what a linter can look at; what varies beyond it is held to by our own lints in every single
certificate. See ``docs/decisions/0034-one-outside-verdict-a-shape.md``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca.der import children, content
from ca.lints.case import LintCase

_FIELDS = 8
_SERIAL, _VALIDITY, _SUBJECT, _KEY, _EXTENSIONS = 1, 4, 5, 6, 7
# DER of the object identifiers: commonName, subjectKeyIdentifier, subjectAltName.
_COMMON_NAME = b"\x06\x03\x55\x04\x03"
_KEY_IDENTIFIER = b"\x06\x03\x55\x1d\x0e"
_ALTERNATIVE_NAMES = b"\x06\x03\x55\x1d\x11"
_DNS_NAME = 0x82
Shape = tuple[Hashable, ...]


def shape_of(case: LintCase) -> Shape | None:
    """Return the shape of a certificate; None if it is like no other and has to be judged by itself.

    For bytes in which our own lints found nothing: that each field is where it belongs was looked at there.
    """
    parts = case.parts
    if len(parts) != _FIELDS:
        return None
    names = _names(case)
    kinds = None if names is None else _kinds_of(names)
    if kinds is None:
        return None
    asked = (case.issuer, case.profile.name, case.profile.version, case.profile.lint, case.algorithm)
    serial, dates = parts[_SERIAL], children(parts[_VALIDITY])
    begins, ends = case.certificate.not_valid_before_utc, case.certificate.not_valid_after_utc
    # Which rules hold is decided by days; how long a certificate may live, by the lifetime.
    validity = (dates[0][0], dates[1][0], begins.date(), ends - begins)
    return (
        *asked,
        case.private_arc,
        case.issuer_origin,
        *(part for place, part in enumerate(parts) if place not in (_SERIAL, _VALIDITY, _SUBJECT, _KEY, _EXTENSIONS)),
        len(serial),
        validity,
        tuple(_subject(parts[_SUBJECT], set(names or ()))),
        _key(case),
        kinds,
        tuple(_extensions(case)),
    )


def varying_texts(case: LintCase) -> tuple[str, ...]:
    """Return the texts that certificates of one shape do not share: a finding that quotes one is not remembered."""
    names = _names(case) or ()
    texts = [name.decode("ascii", "replace") for name in names]
    for oid, value in _attributes(case.parts[_SUBJECT]):
        if oid == _COMMON_NAME:
            texts.append(content(value).decode("utf-8", "replace"))
    return tuple(texts)


def _names(case: LintCase) -> tuple[bytes, ...] | None:
    """Return the dNSNames; none without alternative names; None if there is a name of another kind."""
    for oid, *_, value in case.extension_parts:
        if oid == _ALTERNATIVE_NAMES:
            names = children(content(value))
            if any(name[0] != _DNS_NAME for name in names):
                return None
            return tuple(content(name) for name in names)
    return ()


def _kinds_of(names: Sequence[bytes]) -> tuple[Hashable, ...] | None:
    """Return of each name whether it is a wildcard, how many labels it has and the last of them."""
    kinds: list[Hashable] = []
    for name in names:
        # An A-label is text in another form, and each is read by itself; so is what a linter could take for one.
        if b"--" in name or b"_" in name:
            return None
        labels = name.split(b".")
        kinds.append((name.startswith(b"*."), len(labels), labels[-1]))
    return tuple(kinds)


def _attributes(subject: bytes) -> Iterator[tuple[bytes, bytes]]:
    for rdn in children(subject):
        for attribute in children(rdn):
            oid, value = children(attribute)
            yield oid, value


def _subject(subject: bytes, names: set[bytes]) -> Iterator[Hashable]:
    for rdn in children(subject):
        yield len(children(rdn))
    for oid, value in _attributes(subject):
        if oid != _COMMON_NAME:
            yield oid, value
        elif content(value) in names:
            yield oid, value[0], "a name above"
        else:
            yield oid, value[0], _signs(content(value).decode("utf-8", "replace"))


def _signs(text: str) -> frozenset[str]:
    """Letters and digits of a free text by their kind, every other sign as it is."""
    return frozenset(
        "0" if sign.isdecimal() and sign.isascii() else "a" if sign.isalpha() and sign.isascii() else _other(sign)
        for sign in text
    )


def _other(sign: str) -> str:
    return "á" if sign.isalpha() and ord(sign) < 0x250 else sign  # Latin letters with their marks


def _key(case: LintCase) -> Hashable:
    key = case.public_key
    algorithm, bits = children(case.parts[_KEY])
    if isinstance(key, rsa.RSAPublicKey):
        return algorithm, key.key_size, key.public_numbers().e
    # X9.62 §4.3.6: the first octet of a point says how it is written.
    return algorithm, len(bits), content(bits)[:2] if isinstance(key, ec.EllipticCurvePublicKey) else b""


def _extensions(case: LintCase) -> Iterator[Hashable]:
    for oid, *flags, value in case.extension_parts:
        if oid == _KEY_IDENTIFIER:
            yield oid, tuple(flags), len(value)
        elif oid == _ALTERNATIVE_NAMES:
            yield oid, tuple(flags)
        else:
            yield oid, tuple(flags), value
