"""The certificate log of a running service: what one command issues, a stranger finds in the tree at once."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.ca.csr import make_csr
from tests.ca.transparency import monitor
from tests.servers.service import LiveService

pytestmark = pytest.mark.server
RUC = "1768150060001"


def test_what_is_issued_is_in_the_tree_that_everyone_reads(live_service: LiveService, tmp_path: Path) -> None:
    """Web process, worker and command line each give places; the tree stays one (Certificate authority, line 26)."""

    def fetch(path: str) -> bytes:
        with urllib.request.urlopen(f"{live_service.url}/pki/log/{path}", timeout=60) as answer:
            return bytes(answer.read())

    key = fetch("key").decode()
    _, before, root_before = monitor.read_checkpoint(fetch("checkpoint").decode(), key)
    csr = tmp_path / "portal.csr"
    csr.write_text(make_csr(common_name="Portal de la bitácora", dns=()))
    issued = live_service.json("ca", "issue", "--profile", "tls-client", "--csr", csr, "--institution", RUC)
    leaf = x509.load_pem_x509_certificates(issued["chain"].encode())[0]
    _, size, root = monitor.read_checkpoint(fetch("checkpoint").decode(), key)
    entries = monitor.read_entries(fetch, size)
    hashes = [monitor.leaf_hash(entry) for entry in entries]
    assert size > before
    assert monitor.root_of(hashes) == root
    assert monitor.root_of(hashes[:before]) == root_before
    logged = [json.loads(entry).get("certificate") for entry in entries]
    assert base64.b64encode(leaf.public_bytes(Encoding.DER)).decode() in logged
    proof = json.loads(fetch(f"proof/{issued['serial']}"))
    path = [base64.b64decode(each) for each in proof["hashes"]]
    _, proven_size, proven_root = monitor.read_checkpoint(proof["checkpoint"], key)
    own = monitor.leaf_hash(proof["leaf"].encode())
    assert monitor.root_by_path(own, proof["index"], proven_size, path) == proven_root
    assert live_service.json("ca", "log", "verify")["intact"]
