"""A ceremony's file: what is wrong is named with its line and field, before any key is touched."""

from __future__ import annotations

import pytest

from ca.ceremony.plan import KeyKind
from ca.ceremony.plan_file import example_file, read_ceremony_file
from ca.profiles.registry import packaged_profiles
from kernel.errors import Rejected
from kernel.identifiers import sha256_hex
from tests.ca.ceremony.files import FIRST, LATER

ARC = "1.3.6.1.4.1.32473.1"


def _problems(text: str) -> str:
    with pytest.raises(Rejected) as caught:
        read_ceremony_file(text.encode(), profiles=packaged_profiles(), private_arc=ARC)
    assert caught.value.code == "bad_ceremony_file"
    return caught.value.public_detail


def test_the_packaged_example_is_sound() -> None:
    """What people start from is itself accepted; the digest is the file's own, as sha256sum gives it."""
    content = example_file().encode()
    read = read_ceremony_file(content, profiles=packaged_profiles(), private_arc=ARC)
    assert read.sha256 == sha256_hex(content)
    assert read.plan.root is not None and read.plan.root.key is KeyKind.P384
    assert read.plan.root.shares is not None and read.plan.root.shares.needed == 2


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("key: P-384\n  path", "key: P-256\n  path", "line 10: root.key"),
        ("place: Quito", "plaza: Quito", "line 3: plaza: is not a field"),
        ("title: Ceremonia de prueba\n", "", "title: is missing"),
        ("name: issuing-people", "name: Issuing", "line 19: issuing.1.name: has not the form"),
        ("  - {name: Elena Quishpe, role: Auditora}\n", "", "line 4: witnesses"),
        ("dns: [gob.ec]", "dns: [.gob.ec]", "line 15: issuing.0.permitted.dns.0"),
        ("10.0.0.0/8", "10.0.0.1/8", "line 15: issuing.0.permitted.addresses.0"),
        ("path_length: 2", "path_length: 2\n  path_length: 3", "line 12: path_length stands twice"),
        ("title: Ceremonia", "title: [", "line "),
        ("[tls-server]", "[tls-serve]", "there is no profile 'tls-serve'"),
        ("[tls-server]", "[ocsp-responder]", "every authority has an ocsp-responder of its own"),
        ("2.23.140.1.2.2, ", "", "profile tls-server needs 2.23.140.1.2.2"),
        ("[institution-seal, person", "[tls-server, person", "two authorities would issue tls-server"),
        ("name: issuing-people", "name: issuing-tls", "two authorities are named issuing-tls"),
        ("path_length: 2", "lifetime_days: 400", "issuing-tls would outlive its root"),
        ("path_length: 2", "cross: [root]", "not crossed with itself"),
        ("name: root\n", "name: raiz\n", "line 8: root.name: has not the form"),
        ("format: 1", "format: 2", "line 1: format"),
    ],
)
def test_an_error_is_named_with_its_line_and_field(was: str, becomes: str, said: str) -> None:
    """People mend a file by what they are told."""
    assert was in FIRST
    assert said in _problems(FIRST.replace(was, becomes, 1))


def test_shares_must_be_possible() -> None:
    """More are not needed than there are holders, and one person holds one share."""
    three = "path_length: 2\n  shares: {needed: 4, holders: [Ana, Beto, Caro]}"
    assert "4 shares are needed" in _problems(FIRST.replace("path_length: 2", three))
    twice = "path_length: 2\n  shares: {needed: 2, holders: [Ana, ana, Caro]}"
    assert "named twice" in _problems(FIRST.replace("path_length: 2", twice))


def test_a_file_names_a_root_to_make_or_one_that_stands() -> None:
    """Neither both nor none."""
    assert "name either" in _problems(LATER.replace("under: root\n", ""))
    assert "name either" in _problems(FIRST + "under: root\n")


@pytest.mark.parametrize("content", [b"", b"- 1\n", b"\xff\xfe", b"a" * 70_000], ids=["empty", "list", "latin", "long"])
def test_what_is_no_file_of_ours_is_refused(content: bytes) -> None:
    """Whatever is given, the answer is a refusal with words."""
    with pytest.raises(Rejected):
        read_ceremony_file(content, profiles=packaged_profiles(), private_arc=ARC)
