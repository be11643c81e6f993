"""To-be-signed certificates from a prepared template: for many of one profile, the same bytes with less work.

What no two certificates of a profile and authority share (serial, dates, subject, key, names, national fields) is put
between octets that were taken from a certificate built the long way. A template is believed only while it reproduces
:func:`ca.issuance.tbs.build_tbs` octet for octet: :meth:`TbsTemplate.reproduces` is asked for each chunk of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from hashlib import sha1

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID

from ca.der import EXTENSIONS, GENERALIZED_TIME, INTEGER, OCTETS, SEQUENCE, UTC_TIME, children, content, tlv
from ca.issuance.extensions import COUNTRY_FIELDS_ARC, Surroundings, country_field_oid, private_key_period
from ca.issuance.subject import build_subject, first_filled, subject_values
from ca.issuance.tbs import Blueprint, build_tbs, validity_of
from kernel.errors import Rejected
from keys.signer import Algorithm


class TbsTemplate:
    """The octets that certificates of one profile and authority share.

    :param sample: any certificate of the profile, as :func:`ca.issuance.tbs.build_tbs` builds it.
    :raises Rejected: if the sample cannot be built.
    """

    def __init__(self, sample: Blueprint, *, around: Surroundings, algorithm: Algorithm, now: datetime) -> None:
        self._around, self._algorithm = around, algorithm
        self._sample, self._made_at = sample, now
        self._shared: dict[int, tuple[bytes, bytes]] = {}
        shards = around.authority.crl_shards
        fields = self._read_shared(0, serial=2**158 // shards * shards)
        self._version, self._signature, self._issuer = fields[0], fields[2], fields[3]

    def _read_shared(self, shard: int, *, serial: int) -> tuple[bytes, ...]:
        """Keep the extensions that all certificates on one revocation list share, taken from one with ``serial``."""
        around = self._around
        fields = children(
            build_tbs(self._sample, around=around, algorithm=self._algorithm, serial=serial, now=self._made_at)
        )
        extensions = children(content(fields[-1]))
        self._authority_key = extensions[0]
        varying = {
            ExtensionOID.SUBJECT_KEY_IDENTIFIER.dotted_string,
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string,
            ExtensionOID.PRIVATE_KEY_USAGE_PERIOD.dotted_string,
        }
        country_arc = f"{around.private_arc}.{COUNTRY_FIELDS_ARC}."
        before: list[bytes] = []
        after: list[bytes] = []
        current = before
        for extension in extensions[1:]:
            oid = core.ObjectIdentifier.load(children(extension)[0]).dotted
            if oid not in varying and not oid.startswith(country_arc):
                current.append(extension)
            # Alternative names, where there are any, follow the purposes.
            if oid == ExtensionOID.EXTENDED_KEY_USAGE.dotted_string:
                current = after
        self._shared[shard] = b"".join(before), b"".join(after)
        return fields

    def build(self, blueprint: Blueprint, *, serial: int, now: datetime) -> bytes:
        """Return the TBSCertificate (DER). :raises Rejected: as :func:`ca.issuance.tbs.build_tbs`."""
        profile = blueprint.profile
        not_before, not_after = validity_of(
            profile, authority=self._around.authority.certificate, now=now, backdating=self._around.backdating
        )
        subject = _sequence(b"".join(_attribute(*pair) for pair in subject_values(profile, blueprint.values)))
        spki = blueprint.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        parts = (
            self._version,
            tlv(INTEGER, serial.to_bytes(serial.bit_length() // 8 + 1, "big")),
            self._signature,
            self._issuer,
            _sequence(_time(not_before) + _time(not_after)),
            subject,
            spki,
            tlv(EXTENSIONS, _sequence(b"".join(self._extensions(blueprint, spki, serial, not_before)))),
        )
        return _sequence(b"".join(parts))

    def reproduces(self, tbs_der: bytes, blueprint: Blueprint, *, serial: int, now: datetime) -> bool:
        """Tell whether ``tbs_der`` is, octet for octet, what is built the long way."""
        return tbs_der == build_tbs(blueprint, around=self._around, algorithm=self._algorithm, serial=serial, now=now)

    def _extensions(self, blueprint: Blueprint, spki: bytes, serial: int, not_before: datetime) -> Iterator[bytes]:
        profile = blueprint.profile
        shard = serial % self._around.authority.crl_shards
        if shard not in self._shared:
            self._read_shared(shard, serial=serial)
        before_names, after_names = self._shared[shard]
        yield self._authority_key
        if profile.subject_key_identifier:
            # RFC 5280 §4.2.1.2 (1): the SHA-1 of the key's bits, an identifier and no signature.
            bits = content(children(spki)[1])[1:]
            yield _extension(x509.SubjectKeyIdentifier(sha1(bits, usedforsecurity=False).digest()))
        yield before_names
        if blueprint.dns_names or blueprint.addresses:
            names: list[x509.GeneralName] = [x509.DNSName(name) for name in blueprint.dns_names]
            names += [x509.IPAddress(address) for address in blueprint.addresses]
            yield _extension(x509.SubjectAlternativeName(names))
        yield after_names
        if profile.private_key_days is not None:
            yield _extension(x509.PrivateKeyUsagePeriod(*private_key_period(profile, not_before)))
        for field in profile.country_fields:
            text = first_filled(field.values, blueprint.values)
            if text is None and field.required:
                raise Rejected(f"National field {field.number} has no value.", code="subject_incomplete")
            if text is not None:
                oid = x509.ObjectIdentifier(country_field_oid(self._around.private_arc, field.number))
                yield _extension(x509.UnrecognizedExtension(oid, core.UTF8String(text).dump()))


def _extension(value: x509.ExtensionType) -> bytes:
    return _sequence(_oid(value.oid.dotted_string) + tlv(OCTETS, value.public_bytes()))


def _oid(dotted: str) -> bytes:
    if dotted not in _OIDS:
        _OIDS[dotted] = core.ObjectIdentifier(dotted).dump()
    return _OIDS[dotted]


_OIDS: dict[str, bytes] = {}  # a handful: extensions of our own profiles


@lru_cache(maxsize=64)  # certificates of one moment share their dates
def _time(moment: datetime) -> bytes:
    # RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from then on.
    if moment.year < 2050:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode("ascii"))
    return tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode("ascii"))


def _sequence(value: bytes) -> bytes:
    return tlv(SEQUENCE, value)


@lru_cache(maxsize=1024)  # of a profile's attributes most are the same in every certificate
def _attribute(name: str, value: str) -> bytes:
    """Return one attribute of a subject as the DER of its RDN."""
    return content(build_subject([(name, value)]).public_bytes())
