"""pkilint, kept by others, reads what was published: lists, OCSP answers, the authorities' own certificates."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as ocsp_
from pkilint import loader, pkix
from pkilint.cabf import cabf_crl
from pkilint.pkix import certificate, crl, extension, name, ocsp

from tests.ca.verified_by_others.estate import REVOCABLE, WITH_STATUS, Estate

_DECODERS = (
    pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
    pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
)


def findings(results: object) -> Iterator[str]:
    """Everything that is more than a notice; that ``localhost`` is no name of the Internet is known."""
    for result in results:  # type: ignore[attr-defined]
        for found in result.finding_descriptions:
            if found.finding.severity.name in ("WARNING", "ERROR", "FATAL") and "//localhost:" not in str(
                found.message
            ):
                yield f"{found.finding.severity.name} {found.finding.code} {found.message}"


def lint_list(der: bytes, kind: crl.CertificateRevocationListType) -> list[str]:
    """RFC 5280 and the Baseline Requirements."""
    validator = crl.create_pkix_crl_validator_container(
        list(_DECODERS),
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([cabf_crl.create_validity_period_validator(kind)]),
            crl.create_extensions_validator_container([]),
            cabf_crl.CabfCrlReasonCodeAllowlistValidator(kind),
        ],
    )
    return list(findings(validator.validate(loader.RFC5280CertificateListDocumentLoader().load_der_document(der).root)))


def test_every_list(estate: Estate) -> None:
    """Shards, the full one and the roots'."""
    files = sorted(estate.folder.glob("*.crl"))
    assert len(files) >= 4
    for file in files:
        kind = crl.CertificateRevocationListType["ARL" if file.name.startswith("root") else "CRL"]
        assert (file.name, lint_list(file.read_bytes(), kind)) == (file.name, [])


@pytest.mark.parametrize("profile", WITH_STATUS)
def test_ocsp_answers(estate: Estate, profile: str) -> None:
    """Good and revoked, with SHA-1 and SHA-256 in the question (RFC 6960)."""
    names = [f"good-{profile}"] + ([f"revoked-{profile}"] if profile in REVOCABLE else [])
    validator = ocsp.create_pkix_ocsp_response_validator_container([ocsp.create_response_decoder(), *_DECODERS], [])
    for digest in (hashes.SHA1(), hashes.SHA256()):
        for each in names:
            member = estate.members[each]
            builder = ocsp_.OCSPRequestBuilder().add_certificate(member.certificate, member.above[0], digest)
            asked = urllib.request.Request(
                f"{estate.address}/pki/ocsp",
                builder.build().public_bytes(Encoding.DER),
                {"Content-Type": "application/ocsp-request"},
            )
            with urllib.request.urlopen(asked, timeout=60) as response:
                document = loader.RFC6960OCSPResponseDocumentLoader().load_der_document(response.read())
            assert list(findings(validator.validate(document.root))) == []


def test_every_authority_s_certificate(estate: Estate) -> None:
    """Roots, issuing ones, the one with constraints, the cross certificate (RFC 5280)."""
    validator = certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
    authorities = {each for member in estate.members.values() for each in member.above} | set(estate.roots.values())
    assert len(authorities) >= 5
    load: Callable[[bytes], object] = loader.RFC5280CertificateDocumentLoader().load_der_document
    for authority in authorities:
        document = load(authority.public_bytes(Encoding.DER))
        found = list(findings(validator.validate(document.root)))  # type: ignore[attr-defined]
        assert (authority.subject.rfc4514_string(), found) == (authority.subject.rfc4514_string(), [])
