"""The outside linter, pkilint, run on exactly the bytes that will be signed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache, lru_cache
from types import SimpleNamespace
from urllib.parse import urlsplit

from pkilint import etsi, finding_filter, loader
from pkilint.cabf import serverauth
from pkilint.cabf.serverauth import serverauth_constants
from pkilint.common import alternative_name
from pkilint.etsi import etsi_constants
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity
from publicsuffixlist import PublicSuffixList

from ca.issuance.assembly import with_throw_away_signature
from ca.lints.case import LintCase
from ca.lints.finding import Finding, Severity
from ca.locations import status_origin
from kernel.settings import is_loopback, is_test_name

_SEVERITIES = {
    ValidationFindingSeverity.FATAL: Severity.ERROR,
    ValidationFindingSeverity.ERROR: Severity.ERROR,
    ValidationFindingSeverity.WARNING: Severity.WARNING,
    ValidationFindingSeverity.NOTICE: Severity.NOTICE,
}
# What an address at localhost or under .test brings about: nobody else can reach it, and such a service is a trial.
_TRIAL_CODES = ("pkix.invalid_uri_syntax", "cabf.internal_domain_name", "etsi.internal_domain_name")
_ADDRESS_NODES = ("cPSuri", "uniformResourceIdentifier")

logging.getLogger("pkilint").setLevel(logging.CRITICAL)
# Each of its checks of names reads the list of public suffixes for itself: a quarter of a second, five times a suite.
alternative_name.publicsuffixlist = SimpleNamespace(PublicSuffixList=cache(PublicSuffixList))


def lint_outside(case: LintCase) -> Iterator[Finding]:
    """Yield what pkilint's suite for the profile finds, less what the profile accepts with a reason.

    The certificate that it reads carries the to-be-signed bytes as they are, signed by a throw-away key of the issuing
    key's algorithm (no lint can tell: none has the issuer's key). INFO and DEBUG say nothing to act on.
    """
    der = with_throw_away_signature(case.tbs_der, case.algorithm)
    accepted = {item.code for item in case.profile.lint.accepted}
    document = loader.RFC5280CertificateDocumentLoader().load_der_document(der)
    container, filters = _suite(case.profile.lint.suite, case.profile.lint.type)
    results = container.validate(document.root)
    if filters is not None:
        results, _ = finding_filter.filter_results(filters, results)
    for result in results:
        for description in result.finding_descriptions:
            severity = _SEVERITIES.get(description.finding.severity)
            code = description.finding.code
            if severity is None or (
                severity.blocks and _is_of_trial(case, code, result.node.path, description.message)
            ):
                continue
            if code in accepted:
                severity = Severity.NOTICE
            yield Finding(severity, code, "", description.message or "", source="pkilint")


@lru_cache(maxsize=16)  # a suite takes long to set up and keeps no state
def _suite(suite: str, kind_name: str):  # type: ignore[no-untyped-def]  # pkilint has no types
    filters = None
    if suite == "cabf-serverauth":
        kind = serverauth_constants.CertificateType[kind_name]
        filters = serverauth.create_serverauth_finding_filters(kind)
        decoders, validators = serverauth.create_decoding_validators(), serverauth.create_validators(kind)
    elif suite == "etsi":
        kind = etsi_constants.CertificateType[kind_name]
        filters = etsi.create_etsi_finding_filters(kind)
        decoders, validators = etsi.create_decoding_validators(kind), etsi.create_validators(kind)
    else:
        decoders = certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS)
        validators = [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ]
    return certificate.create_pkix_certificate_validator_container(decoders, validators), filters


def _is_of_trial(case: LintCase, code: str, path: str, message: str | None) -> bool:
    if code not in _TRIAL_CODES or not path.endswith(_ADDRESS_NODES):
        return False
    if not (is_loopback(case.issuer_origin) or is_test_name(case.issuer_origin)):
        return False
    host = urlsplit(status_origin(case.issuer_origin)).hostname or ""
    return f'"{host}"' in (message or "") or f'"{status_origin(case.issuer_origin)}/' in (message or "")
