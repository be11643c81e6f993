"""Weak keys are refused with their reason on the whole way of a request, also those that only a list knows."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from sqlalchemy import select

from audit.model import AuditEvent
from ca.requests.block_list import DATA, NAMES, KeyBlockList
from ca.requests.submit import submit_request
from ca.services import CaServices
from kernel.errors import Rejected
from tests.ca.csr import ec_key, make_csr
from tests.ca.ground import RUC
from tests.ca.requests.test_commands import Terminal, terminal
from tests.ca.weak_keys import weak_requests
from tests.made_once import rsa_key

__all__ = ["terminal"]
pytestmark = pytest.mark.usefixtures("hierarchy")
WEAKNESSES = tuple(weak_requests())


def refuse(services: CaServices, now: datetime, csr: str, profile: str = "tls-server") -> Rejected:
    """What refuses a request of the ministry."""
    with services.database.transaction() as session, pytest.raises(Rejected) as caught:
        submit_request(
            session, services=services, profile=profile, csr=csr, institution_ruc=RUC, requested_by="ana", now=now
        )
    return caught.value


@pytest.mark.parametrize("weakness", WEAKNESSES)
def test_a_weak_key_is_refused_at_the_command_line_and_on_record(
    terminal: Terminal, services: CaServices, tmp_path: Path, weakness: str
) -> None:
    """BR §6.1.1.3, §6.1.5, §6.1.6; Certificate authority, line 12: the request is well-formed, the key bad."""
    csr, code = weak_requests()[weakness]
    (tmp_path / "weak.csr").write_text(csr)
    arguments = ("request", "--profile", "tls-server", "--csr", str(tmp_path / "weak.csr"), "--institution", RUC)
    assert terminal.refused(*arguments) == code
    with services.database.reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        assert (event.type, event.outcome, event.reason) == ("ca:request:submitted", "refused", code)


def test_code_wants_longer_rsa_keys(services: CaServices, now: datetime) -> None:
    """CSBR §6.1.5.2: 3072 bits; a profile may want more than others."""
    csr = make_csr(rsa_key(2048), common_name=None, dns=())
    assert refuse(services, now, csr, "code-signing").code == "rsa_too_short"


# The list of publicly known keys.


def write_list(folder: Path, *keys: CertificateIssuerPrivateKeyTypes, **changes: Any) -> None:
    """A list in the format of the badkeys project, made of these keys, each from a list of its own."""
    folder.mkdir(exist_ok=True)
    entries = sorted(hashlib.sha256(hashed(key)).digest()[:15] + bytes([number]) for number, key in enumerate(keys, 1))
    data = changes.get("data", b"".join(entries))
    metadata = {
        "bkformat": changes.get("format", 0),
        "blocklists": [{"id": number, "name": f"list-{number}"} for number in range(1, len(keys) + 1)],
        "blocklist_sha256": hashlib.sha256(changes.get("promised", data)).hexdigest(),
    }
    (folder / DATA).write_bytes(data)
    (folder / NAMES).write_text(json.dumps(metadata))


def hashed(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    """What the list's makers hash, as their documentation says it and not as our code does it."""
    if isinstance(key, rsa.RSAPrivateKey):
        number = key.public_key().public_numbers().n
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        number = key.public_key().public_numbers().x
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        number = int.from_bytes(key.public_key().public_bytes_raw(), "big")
    else:
        assert isinstance(key, mldsa.MLDSA65PrivateKey)
        return key.public_key().public_bytes_raw()
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def test_a_publicly_known_key_of_any_kind_is_refused(services: CaServices, tmp_path: Path, now: datetime) -> None:
    """CVE-2008-0166 and its like: keys that look sound, whose private half anyone can download."""
    keys = (ec_key(), rsa_key(2048), ed25519.Ed25519PrivateKey.generate(), mldsa.MLDSA65PrivateKey.generate())
    write_list(tmp_path / "fetched", *keys)
    services.block_list.take_from(tmp_path / "fetched")
    for number, key in enumerate(keys, 1):
        known = services.block_list.source_of(key.public_key())
        assert known == f"list-{number}"
    error = refuse(services, now, make_csr(keys[0]))
    assert error.code == "weak_key" and "list-1" in error.public_detail
    assert services.block_list.source_of(ec_key().public_key()) is None


def test_the_known_badkeys_software_reads_the_list_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up of the list's own project finds the same keys in the same files."""
    from badkeys.allkeys import block

    key = ec_key()
    write_list(tmp_path / "badkeys", key, rsa_key(2048))
    monkeypatch.setattr(block, "_cachedir", lambda: f"{tmp_path}/badkeys/")
    for kept in ("_blmeta", "_bldata"):  # it reads its files once in a process
        monkeypatch.setattr(block, kept, False)
    assert block.blocklist(key.public_key().public_numbers().x)["subtest"] == "list-1"
    assert KeyBlockList(tmp_path / "badkeys").source_of(key.public_key()) == "list-1"


def test_a_new_list_is_used_without_a_restart(tmp_path: Path) -> None:
    """The process that issues opened the old one long ago."""
    first, second = ec_key(), ec_key()
    used = KeyBlockList(tmp_path / "used")
    assert used.source_of(first.public_key()) is None and not used.is_there
    write_list(tmp_path / "a", first)
    used.take_from(tmp_path / "a")
    assert used.source_of(first.public_key()) == "list-1"
    write_list(tmp_path / "b", second)
    used.take_from(tmp_path / "b")
    assert used.source_of(first.public_key()) is None
    assert used.source_of(second.public_key()) == "list-1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"promised": b"other"}, "block_list_digest"),
        ({"data": b"\x02" * 16 + b"\x01" * 16}, "block_list_malformed"),
        ({"data": b"\x02" * 17}, "block_list_malformed"),
        ({"data": b""}, "block_list_malformed"),
        ({"format": 1}, "block_list_malformed"),
    ],
)  # fmt: skip
def test_a_damaged_list_is_not_taken(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    """A list that is cut or unsorted would let keys through without a word; the one before stays in use."""
    key = ec_key()
    used = KeyBlockList(tmp_path / "used")
    write_list(tmp_path / "good", key)
    used.take_from(tmp_path / "good")
    write_list(tmp_path / "bad", ec_key(), **changes)
    with pytest.raises(Rejected) as caught:
        used.take_from(tmp_path / "bad")
    assert caught.value.code == code
    assert used.source_of(key.public_key()) == "list-1"


def test_the_operator_shows_and_replaces_the_list(terminal: Terminal, services: CaServices, tmp_path: Path) -> None:
    """`sau ca key-list show | update --from`: checked, tried with --dry-run, and on record."""
    assert terminal.json("key-list", "show")["there"] is False
    write_list(tmp_path / "fetched", ec_key(), ec_key())
    tried = terminal.json("key-list", "update", "--from", str(tmp_path / "fetched"), "--dry-run")
    assert tried["entries"] == 2 and not services.block_list.is_there
    terminal.json("key-list", "update", "--from", str(tmp_path / "fetched"))
    shown = terminal.json("key-list", "show")
    assert (shown["there"], shown["entries"], shown["sources"]) == (True, 2, ["list-1", "list-2"])
    assert services.block_list.folder.stat().st_mode & 0o777 == 0o700
    with services.database.reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        assert (event.type, event.actor) == ("ca:key_list:replaced", "command:ana")
    assert terminal.refused("key-list", "update", "--from", str(tmp_path)) == "block_list_missing"
