"""What a request should hold, told by its profile (RFC 7030 §4.5.2, RFC 9908 §3)."""

from __future__ import annotations

from asn1crypto import core, x509

from ca.profiles.profile import KeyType, Profile

_RSA, _EC, _ED25519 = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.3.101.112"
_CURVES = {KeyType.P256: "1.2.840.10045.3.1.7", KeyType.P384: "1.3.132.0.34", KeyType.P521: "1.3.132.0.35"}
_SIGNATURES = {
    KeyType.P256: "1.2.840.10045.4.3.2",
    KeyType.P384: "1.2.840.10045.4.3.3",
    KeyType.P521: "1.2.840.10045.4.3.4",
    KeyType.RSA: "1.2.840.113549.1.1.11",
}
_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_RSA_BITS = 3072
_USAGES = {
    "digitalSignature": "digital_signature",
    "contentCommitment": "non_repudiation",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
}


class _Values(core.SetOf):
    _child_spec = core.Any


class _Attribute(core.Sequence):
    _fields = [("type", core.ObjectIdentifier), ("values", _Values)]


class _AttributeOrOid(core.Choice):
    _alternatives = [("oid", core.ObjectIdentifier), ("attribute", _Attribute)]


class _CsrAttributes(core.SequenceOf):
    _child_spec = _AttributeOrOid


def csr_attributes(profile: Profile | None) -> bytes:
    """Return the CsrAttrs (DER) of a profile: its keys, their signatures, and the usages that it grants.

    The challengePassword is never asked for: it would carry tls-unique (RFC 7030 §3.5), which TLS 1.3 does not define.

    :param profile: None where the address names none: nothing in particular is wanted.
    """
    items: list[_AttributeOrOid] = []
    if profile is not None:
        items += _key_items(profile)
        items.append(_attribute(_EXTENSION_REQUEST, [_extensions(profile)]))
    encoded: bytes = _CsrAttributes(items).dump()
    return encoded


def _key_items(profile: Profile) -> list[_AttributeOrOid]:
    items: list[_AttributeOrOid] = []
    curves = [core.ObjectIdentifier(_CURVES[key]) for key in profile.keys if key in _CURVES]
    if curves:
        items.append(_attribute(_EC, curves))
    if KeyType.RSA in profile.keys:
        items.append(_attribute(_RSA, [core.Integer(_RSA_BITS)]))
    if KeyType.ED25519 in profile.keys:
        items.append(_AttributeOrOid("oid", core.ObjectIdentifier(_ED25519)))
    signatures = dict.fromkeys(_SIGNATURES[key] for key in profile.keys if key in _SIGNATURES)
    return items + [_AttributeOrOid("oid", core.ObjectIdentifier(oid)) for oid in signatures]


def _extensions(profile: Profile) -> x509.Extensions:
    usages = {_USAGES[usage.value] for usage in profile.key_usage}
    extensions = [x509.Extension({"extn_id": "key_usage", "critical": True, "extn_value": x509.KeyUsage(usages)})]
    if profile.extended_key_usage:
        purposes = x509.ExtKeyUsageSyntax([purpose.oid for purpose in profile.extended_key_usage])
        extensions.append(x509.Extension({"extn_id": "extended_key_usage", "critical": False, "extn_value": purposes}))
    return x509.Extensions(extensions)


def _attribute(oid: str, values: list[core.Asn1Value]) -> _AttributeOrOid:
    return _AttributeOrOid("attribute", _Attribute({"type": oid, "values": _Values([core.Any(v) for v in values])}))
