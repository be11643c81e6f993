"""The token: TSTInfo in CMS SignedData (RFC 3161 §2.4.2, RFC 5816, RFC 5652)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from asn1crypto import algos, cms, core, tsp, x509

from ca.timestamping.query import Query
from keys.signer import Signer

ACCURACY_SECONDS = 1
_SIGNATURES = {"ES256": "sha256_ecdsa", "RS256": "sha256_rsa"}


class _Refusal(core.Sequence):
    """TimeStampResp without a token."""

    _fields = [("status", tsp.PKIStatusInfo)]


def stamp_info(query: Query, *, policy: str, serial: int, now: datetime) -> bytes:
    """Return TSTInfo (DER): what is on record, and then signed.

    The time is that of ``now``, its fraction of a second cut off; ``accuracy`` says so.
    """
    fields = {
        "version": "v1",
        "policy": policy,
        "message_imprint": tsp.MessageImprint.load(query.imprint_der),
        "serial_number": serial,
        "gen_time": now.replace(microsecond=0),
        "accuracy": {"seconds": ACCURACY_SECONDS},
    }
    if query.nonce is not None:
        fields["nonce"] = query.nonce
    encoded: bytes = tsp.TSTInfo(fields).dump()
    return encoded


def signed_token(info_der: bytes, *, signer: Signer, certificate_der: bytes, enclosed: Sequence[bytes]) -> bytes:
    """Return the granted TimeStampResp (DER).

    :param enclosed: certificates (DER) that go with it; none where the request does not want them.
    """
    certificate = x509.Certificate.load(certificate_der)
    attributes = _signed_attributes(info_der, certificate_der)
    signer_info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number}),
            ),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": _SIGNATURES[signer.algorithm.value]}),
            # RFC 5652 §5.4: what is signed is the SET, not the implicit tag that stands in its place.
            "signature": signer.sign(attributes.untag().dump()),
        }
    )
    signed = {
        "version": "v3",
        "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
        "encap_content_info": {
            "content_type": "tst_info",
            "content": core.ParsableOctetString(info_der),
        },
        "signer_infos": [signer_info],
    }
    if enclosed:
        signed["certificates"] = [x509.Certificate.load(der) for der in enclosed]
    token = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
    answer = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})
    encoded: bytes = answer.dump()
    return encoded


def refusal(failure: str, said: str) -> bytes:
    """Return the TimeStampResp (DER) that says why there is no stamp. :param failure: a name of PKIFailureInfo."""
    status = {"status": "rejection", "status_string": [said], "fail_info": {failure}}
    encoded: bytes = _Refusal({"status": status}).dump()
    return encoded


def _signed_attributes(info_der: bytes, certificate_der: bytes) -> cms.CMSAttributes:
    # RFC 5816 §2.2.1: ESSCertIDv2 ties the signature to this certificate; its hash is SHA-256 by default.
    identified = tsp.SigningCertificateV2({"certs": [tsp.ESSCertIDv2({"cert_hash": sha256(certificate_der).digest()})]})
    return cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
            cms.CMSAttribute({"type": "message_digest", "values": [sha256(info_der).digest()]}),
            cms.CMSAttribute({"type": "signing_certificate_v2", "values": [identified]}),
        ]
    )
