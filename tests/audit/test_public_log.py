"""A stranger rebuilds the tree from what the service publishes (C2SP tlog-tiles)."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from audit.checkpoint import LogKey, verify_checkpoint
from audit.merkle import hash_leaf, tree_root
from audit.model import AuditEvent
from audit.public_log import mount
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.tiles import Tile, split_hashes
from kernel.errors import Denied, NotFound
from tests.audit.conftest import Write


@pytest.fixture
def client(audit: AuditServices) -> FlaskClient:
    """A browser of the log alone; the service's own error pages are not here, so errors come as exceptions."""
    app = Flask("log")
    app.testing = True
    mount(app, audit, limited=lambda view: view)
    return app.test_client()


def test_the_published_log_is_the_signed_one(audit: AuditServices, client: FlaskClient, write: Write) -> None:
    """Checkpoint, full and partial tiles fit together, and are of the leaves that were recorded."""
    write(260, private=False)
    Sequencer(audit).run()
    note = client.get("/audit/log/checkpoint")
    assert note.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert note.headers["Cache-Control"] == "public, max-age=1"
    key = LogKey.parse(client.get("/audit/log/key").text)
    head = verify_checkpoint(note.text, expected_key=key)
    hashes: list[bytes] = []
    for number, width in ((0, 256), (1, 4)):
        tile = client.get(f"/audit/log/{Tile(0, number, width).path}")
        assert tile.headers["Content-Type"] == "application/octet-stream"
        assert "immutable" in tile.headers["Cache-Control"]
        hashes += split_hashes(tile.data)
    assert head.size == 260
    with audit.database.reading() as session:
        leaves = session.scalars(select(AuditEvent.leaf).order_by(AuditEvent.log_index)).all()
    assert hashes == [hash_leaf(leaf) for leaf in leaves]
    assert tree_root(hashes) == head.root
    upper = client.get("/audit/log/tile/1/000.p/1")
    assert upper.data == tree_root(hashes[:256])
    assert client.get("/audit/log/tile/0/001.p/2").data == b"".join(hashes[256:258])


@pytest.mark.parametrize("path", ["0/000", "0/001.p/1", "1/000.p/1", "x", "0/0"])
def test_what_is_not_in_the_log_is_not_found(client: FlaskClient, write: Write, path: str) -> None:
    """No tile wider than the tree, no other spelling, no waiting event."""
    write(3)
    with pytest.raises(NotFound):
        client.get(f"/audit/log/tile/{path}")


@pytest.mark.parametrize("path", ["entries/000", "entries/000.p/3"])
def test_the_records_behind_the_hashes_are_not_public(
    audit: AuditServices, client: FlaskClient, write: Write, path: str
) -> None:
    """A portal that knows one login of a person must not read the person's other logins here (decision 0005)."""
    write(3)
    Sequencer(audit).run()
    with pytest.raises(Denied, match="auditors"):
        client.get(f"/audit/log/tile/{path}")


def test_no_checkpoint_before_the_first_event(client: FlaskClient) -> None:
    """Nothing is made up."""
    with pytest.raises(NotFound):
        client.get("/audit/log/checkpoint")
