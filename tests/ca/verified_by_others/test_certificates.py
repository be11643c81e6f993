"""Chains, lists and OCSP answers before OpenSSL, GnuTLS, NSS and Java's CertPath (Certificate authority, line 25).

Every profile of this release is put before each of them: one that is added later is covered by itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from ca.profiles.registry import packaged_profiles
from tests.ca.verified_by_others.estate import (
    OTHER_ROOT,
    PROFILES,
    REVOCABLE,
    SERVER,
    WITH_STATUS,
    Estate,
    Member,
)
from tests.ca.verified_by_others.programs import run

pytestmark = pytest.mark.server
# What each program says of a chain that must not be trusted, by the name of the certificate.
BAD = ("expired", "outside")


def test_every_profile_has_a_certificate_here(estate: Estate) -> None:
    """Else nothing below would say anything about it."""
    assert {f"good-{profile}" for profile in PROFILES} <= set(estate.members)


# OpenSSL


def openssl_verify(estate: Estate, name: str, *options: str, root: str = "root") -> str:
    return run(
        *("openssl", "verify", "-x509_strict", "-CAfile", f"{root}.pem", "-untrusted", f"{name}-above.pem"),
        *("-CRLfile", "lists.pem", *options, f"{name}.pem"),
        package="openssl",
        cwd=estate.folder,
    )


def status_options(member: Member) -> tuple[str, ...]:
    return ("-crl_check_all",) if member.points_at_status else ()


@pytest.mark.parametrize("profile", PROFILES)
def test_openssl_trusts(estate: Estate, profile: str) -> None:
    """``-x509_strict -crl_check_all`` with the lists that the chain points at."""
    member = estate.good(profile)
    assert openssl_verify(estate, member.name, *status_options(member)).endswith(": OK\n")


@pytest.mark.parametrize("profile", REVOCABLE)
def test_openssl_refuses_a_revoked_one(estate: Estate, profile: str) -> None:
    """By list and by OCSP."""
    member = estate.members[f"revoked-{profile}"]
    assert "certificate revoked" in openssl_verify(estate, member.name, "-crl_check_all")
    assert f"{member.name}.pem: revoked" in openssl_ocsp(estate, member)


@pytest.mark.parametrize("profile", WITH_STATUS)
def test_openssl_gets_a_good_answer(estate: Estate, profile: str) -> None:
    """``openssl ocsp`` at the address in the certificate, the responder's signature verified up to the root."""
    member = estate.good(profile)
    said = openssl_ocsp(estate, member)
    assert "Response verify OK" in said
    assert f"{member.name}.pem: good" in said
    assert "WARNING" not in said


def openssl_ocsp(estate: Estate, member: Member) -> str:
    access = member.certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    [address] = [a.access_location.value for a in access if a.access_method == AuthorityInformationAccessOID.OCSP]
    return run(
        *("openssl", "ocsp", "-issuer", f"{member.name}-above.pem", "-cert", f"{member.name}.pem", "-url", address),
        *("-CAfile", "root.pem", "-verify_other", f"{member.name}-above.pem"),
        package="openssl",
        cwd=estate.folder,
    )


def test_openssl_refuses(estate: Estate) -> None:
    """Past its end, outside the authority's name constraints, another name, another purpose, another root."""
    assert "certificate has expired" in openssl_verify(estate, "expired")
    assert openssl_verify(estate, "inside").endswith(": OK\n")
    assert "permitted subtree violation" in openssl_verify(estate, "outside")
    assert openssl_verify(estate, "good-tls-server", "-verify_hostname", SERVER).endswith(": OK\n")
    assert "hostname mismatch" in openssl_verify(estate, "good-tls-server", "-verify_hostname", "otro.gob.ec")
    assert "unsuitable certificate purpose" in openssl_verify(estate, "good-tls-client", "-purpose", "sslserver")
    assert "unable to get" in openssl_verify(estate, "good-tls-server", root=OTHER_ROOT)


def test_openssl_follows_the_cross_certificate(estate: Estate) -> None:
    """Whoever trusts only the other root finds a path, with its status."""
    assert openssl_verify(estate, "crossed", "-crl_check_all", root=OTHER_ROOT).endswith(": OK\n")


# GnuTLS


def gnutls_verify(estate: Estate, name: str, *options: str, root: str = "root") -> str:
    said = run(
        *("certtool", "--verify", "--load-ca-certificate", f"{root}.pem", "--load-crl", "lists.pem"),
        *("--infile", f"{name}-chain.pem", *options),
        package="gnutls-bin",
        cwd=estate.folder,
    )
    return said[said.index("Chain verification output:") :]


@pytest.mark.parametrize("profile", PROFILES)
def test_gnutls_trusts(estate: Estate, profile: str) -> None:
    """``certtool --verify`` with all lists."""
    assert "Verified. The certificate is trusted." in gnutls_verify(estate, f"good-{profile}")


@pytest.mark.parametrize("profile", REVOCABLE)
def test_gnutls_refuses_a_revoked_one(estate: Estate, profile: str) -> None:
    """By the list, and by OCSP (``ocsptool --ask``)."""
    name = f"revoked-{profile}"
    assert "is revoked" in gnutls_verify(estate, name)
    said = run(
        *("ocsptool", f"--ask={estate.address}/pki/ocsp", "--load-cert", f"{name}.pem"),
        *("--load-issuer", f"{name}-above.pem", "--load-trust", f"{name}-above.pem"),
        package="gnutls-bin",
        cwd=estate.folder,
    )
    assert "Certificate Status: revoked" in said
    assert "Verifying OCSP Response: Success" in said


def test_gnutls_refuses(estate: Estate) -> None:
    """Past its end, outside the constraints, another name, another root; and follows the cross certificate."""
    assert "expired" in gnutls_verify(estate, "expired")
    assert "Verified" in gnutls_verify(estate, "inside")
    assert "violates the signer's constraints" in gnutls_verify(estate, "outside")
    assert "is trusted" in gnutls_verify(estate, "good-tls-server", "--verify-hostname", SERVER)
    assert "does not match" in gnutls_verify(estate, "good-tls-server", "--verify-hostname", "otro.gob.ec")
    assert "NOT trusted" in gnutls_verify(estate, "good-tls-server", root=OTHER_ROOT)
    assert "is trusted" in gnutls_verify(estate, "crossed", root=OTHER_ROOT)


# NSS

_USAGES = {"serverAuth": "1", "clientAuth": "0"}
_FOR_TLS = [
    (profile.name, _USAGES[purpose.value])
    for profile in packaged_profiles().list()
    for purpose in profile.extended_key_usage
    if purpose.value in _USAGES
]


@pytest.fixture(scope="module")
def nss(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of NSS that trusts the root."""
    folder = tmp_path_factory.mktemp("nss")
    for words in (("-N", "--empty-password"), ("-A", "-n", "root", "-t", "CT,C,C", "-i", estate.path("root.pem"))):
        run("certutil", *words, "-d", f"sql:{folder}", package="libnss3-tools")
    return folder


def nss_verify(estate: Estate, nss: Path, name: str, *, usage: str, status: bool = True) -> str:
    """CERT_PKIXVerifyCert, which asks OCSP where it is told to, and takes no silence for an answer."""
    asking = ("-g", "leaf", "-h", "requireFreshInfo", "-m", "ocsp", "-s", "failIfNoInfo") if status else ()
    return run(
        *("vfychain", "-d", f"sql:{nss}", "-u", usage, "-pp", *asking, "-a", f"{name}.pem", "-a", f"{name}-above.pem"),
        package="libnss3-tools",
        cwd=estate.folder,
    )


@pytest.mark.parametrize(("profile", "usage"), _FOR_TLS)
def test_nss_trusts_for_tls_and_refuses_revoked_ones(estate: Estate, nss: Path, profile: str, usage: str) -> None:
    """Servers and clients of TLS, which NSS has usages for; OCSP is asked and must answer."""
    member = estate.good(profile)
    assert "Chain is good!" in nss_verify(estate, nss, member.name, usage=usage, status=member.points_at_status)
    if member.points_at_status:
        said = nss_verify(estate, nss, f"revoked-{profile}", usage=usage)
        assert "Chain is bad!" in said
        assert "REVOKED" in said.upper()


def test_nss_goes_by_the_list_of_all_shards(estate: Estate, tmp_path: Path) -> None:
    """NSS knows no critical issuingDistributionPoint; the list of all together has none (RFC 5280, 5.2.5)."""
    database = ("-d", f"sql:{tmp_path}")
    certificates = (("root", "CT,C,C", "root.pem"), ("issuing", ",,", "good-tls-server-above.pem"))
    for words in (("-N", "--empty-password"), *(("-A", "-n", a, "-t", b, "-i", c) for a, b, c in certificates)):
        run("certutil", *words, *database, package="libnss3-tools", cwd=estate.folder)
    run("crlutil", "-I", *database, "-i", "issuing-1-full.crl", package="libnss3-tools", cwd=estate.folder)
    for name, verdict in (("good-tls-server", "Chain is good!"), ("revoked-tls-server", "Chain is bad!")):
        said = run(
            *("vfychain", *database, "-u", "1", "-p", "-a", f"{name}.pem", "-a", f"{name}-above.pem"),
            package="libnss3-tools",
            cwd=estate.folder,
        )
        assert verdict in said, said


def test_nss_refuses(estate: Estate, nss: Path) -> None:
    """Past its end, outside the constraints, another purpose."""
    assert "Chain is good!" in nss_verify(estate, nss, "inside", usage="1", status=False)
    for name in BAD:
        assert "Chain is bad!" in nss_verify(estate, nss, name, usage="1", status=False)
    assert "Chain is bad!" in nss_verify(estate, nss, "good-tls-client", usage="1")


# Java


@pytest.fixture(scope="module")
def java(estate: Estate) -> dict[tuple[str, str, str], str]:
    """What Java's PKIX validator says of every path, by name, root and method: one run of it for all."""
    cases = [(member.name, "root", "none") for member in estate.members.values() if member.name != "crossed"]
    cases += [
        (member.name, "root", method)
        for member in estate.members.values()
        if member.points_at_status and member.name != "crossed"
        for method in ("crl", "ocsp")
    ]
    cases += [("crossed", OTHER_ROOT, "crl"), ("good-tls-server", OTHER_ROOT, "none")]
    (estate.folder / "cases.txt").write_text("".join(f"{' '.join(case)}\n" for case in cases))
    said = run(
        *("java", "-XX:TieredStopAtLevel=1", "-Dcom.sun.security.enableCRLDP=true"),
        *(str(Path(__file__).with_name("Verify.java")), str(estate.folder)),
        package="default-jdk-headless",
    )
    if "compiler" in said and "VALID" not in said:
        pytest.skip("java cannot compile: default-jdk-headless is needed")
    answers = [line.split(" ", 3) for line in said.splitlines() if line.count(" ") >= 3]
    assert len(answers) == len(cases), said[-2000:]
    return {(name, root, method): answer for name, root, method, answer in answers}


@pytest.mark.parametrize("profile", PROFILES)
def test_java_trusts(estate: Estate, java: dict[tuple[str, str, str], str], profile: str) -> None:
    """Revocation by the lists of the whole path, and by OCSP, with no way out when there is no answer."""
    member = estate.good(profile)
    for method in ("none", "crl", "ocsp") if member.points_at_status else ("none",):
        assert java[member.name, "root", method] == "VALID", method


@pytest.mark.parametrize("profile", REVOCABLE)
def test_java_refuses_a_revoked_one(estate: Estate, java: dict[tuple[str, str, str], str], profile: str) -> None:
    """With its reason."""
    member = estate.members[f"revoked-{profile}"]
    for method in ("crl", "ocsp"):
        answer = java[member.name, "root", method]
        assert answer.startswith("REVOKED at 0"), answer
        assert "KEY_COMPROMISE" in answer


def test_java_refuses(java: dict[tuple[str, str, str], str]) -> None:
    """Past its end, outside the constraints, another root; and follows the cross certificate with its status."""
    assert java["expired", "root", "none"].startswith("EXPIRED at 0")
    assert java["inside", "root", "none"] == "VALID"
    assert java["outside", "root", "none"].startswith("INVALID_NAME at 0")
    assert java["good-tls-server", OTHER_ROOT, "none"].startswith("NO_TRUST_ANCHOR")
    assert java["crossed", OTHER_ROOT, "crl"] == "VALID"
