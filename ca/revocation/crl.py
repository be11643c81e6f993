"""Building a revocation list: RFC 5280 §5, nothing of the database.

``cryptography`` builds the list without entries, names, times and extensions and all; the entries come from
:mod:`ca.revocation.crl_entries` and are set in before the authority's key signs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto.crl import CertificateList
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca.issuance.assembly import throw_away_key
from ca.revocation.crl_entries import encode_entries, tagged
from kernel.errors import Fault
from keys.signer import Signer
from keys.verification import require_own_signature

LIST_LIFETIME = timedelta(days=7)  # at most 10 days for an issuing authority
DELTA_LIFETIME = timedelta(days=2)  # renewed daily
ROOT_LIST_LIFETIME = timedelta(days=180)  # at most 12 months for a root
_SEQUENCE = 0x30


@dataclass(frozen=True, kw_only=True)
class ListFrame:
    """What a list says beside its entries.

    :ivar authority: the authority's own certificate; its key signs.
    :ivar number: the CRL number (§5.2.3), above every earlier one of the same scope.
    :ivar distribution_point: the list's address, equal to the CDP in the certificates that it covers (§5.2.5). None
        for a list that covers all of an authority's certificates.
    :ivar delta_address: where the delta of this list stands (§5.2.6); None: there is none.
    :ivar base_number: for a delta: the complete list that it goes on from (§5.2.4).
    :ivar lifetime: time until nextUpdate; the list never outlives its authority.
    """

    authority: x509.Certificate
    number: int
    this_update: datetime
    lifetime: timedelta
    distribution_point: str | None = None
    delta_address: str | None = None
    base_number: int | None = None

    @property
    def next_update(self) -> datetime:
        """When the next list must be out."""
        return min(self.this_update + self.lifetime, self.authority.not_valid_after_utc)


def build_list(frame: ListFrame, entries: Iterable[tuple[str, str, str, str | None]], *, signer: Signer) -> bytes:
    """Return the signed list (DER), checked before anyone sees it.

    :param entries: as :class:`ca.revocation.crl_entries.ListedCertificate` has them.
    :raises Fault: (``bad_own_signature``) if the signature is not one of the authority's key.
    """
    without_entries = _builder(frame).sign(throw_away_key(signer.algorithm), signer.algorithm.hash)  # type: ignore[arg-type]
    parts = CertificateList.load(without_entries.public_bytes(Encoding.DER))["tbs_cert_list"]
    encoded = encode_entries(entries)
    algorithm = parts["signature"].dump()
    before = b"".join(parts[name].dump() for name in ("version", "signature", "issuer", "this_update", "next_update"))
    # §5.1.2.6: absent rather than empty.
    to_be_signed = tagged(
        _SEQUENCE, before + (tagged(_SEQUENCE, encoded) if encoded else b"") + parts["crl_extensions"].dump()
    )
    signature = signer.sign(to_be_signed)
    if signer.public_key != frame.authority.public_key():
        raise Fault("The key is not the authority's.", code="bad_own_signature")
    require_own_signature(signer, signature=signature, data=to_be_signed)
    der = tagged(_SEQUENCE, to_be_signed + algorithm + tagged(0x03, b"\x00" + signature))
    x509.load_der_x509_crl(der)  # what cannot be read is never published
    return der


def _builder(frame: ListFrame) -> x509.CertificateRevocationListBuilder:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(frame.authority.subject)
        .last_update(frame.this_update)
        .next_update(frame.next_update)
        .add_extension(_authority_key_identifier(frame.authority), critical=False)
        .add_extension(x509.CRLNumber(frame.number), critical=False)
    )
    if frame.base_number is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(frame.base_number), critical=True)
    if frame.distribution_point is not None:
        builder = builder.add_extension(_issuing_distribution_point(frame.distribution_point), critical=True)
    if frame.delta_address is not None and frame.base_number is None:
        address = x509.UniformResourceIdentifier(frame.delta_address)
        freshest = x509.FreshestCRL([x509.DistributionPoint([address], None, None, None)])
        builder = builder.add_extension(freshest, critical=False)
    return builder


def _authority_key_identifier(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    ski = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)


def _issuing_distribution_point(url: str) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
