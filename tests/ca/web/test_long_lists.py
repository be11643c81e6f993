"""Long revocation lists come from a file of the machine: certificate authority 19, and what a million entries cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from ca.revocation import served_list
from ca.revocation.model import RevocationList
from ca.web import status
from kernel.settings import Settings
from tests.ca.hierarchy import Hierarchy
from tests.ca.revocation.steps import arrange, issue, publish, revoke

LIST = "/pki/crl/issuing-1-0.crl"


@pytest.fixture(autouse=True)
def every_list_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_list, "FROM_FILE", 1)


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings.home / "lists"


def never_read(*_: object) -> bytes:
    raise AssertionError("read from the database")


def test_a_list_is_read_from_the_database_once(
    hierarchy: Hierarchy, client: FlaskClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publish(hierarchy)
    assert client.get(LIST).data == published.der
    [file] = folder.iterdir()
    assert file.read_bytes() == published.der
    monkeypatch.setattr(status, "read_octets", never_read)
    again = client.get(LIST)
    assert (again.data, again.content_length) == (published.der, len(published.der))
    assert client.head(LIST).content_length == len(published.der)


def test_who_was_cut_off_goes_on_where_he_was(hierarchy: Hierarchy, client: FlaskClient) -> None:
    """RFC 9110 §14.2: a range; §13.1.5: only while the list is the same."""
    published = publish(hierarchy)
    tag = client.get(LIST).headers["ETag"]
    rest = client.get(LIST, headers={"Range": "bytes=100-", "If-Range": tag})
    assert (rest.status_code, rest.data) == (206, published.der[100:])
    other = client.get(LIST, headers={"Range": "bytes=100-", "If-Range": '"another"'})
    assert (other.status_code, other.data) == (200, published.der)


def test_who_has_the_list_is_told_so_before_it_is_read(
    hierarchy: Hierarchy, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(hierarchy)
    tag = client.get(LIST).headers["ETag"]
    monkeypatch.setattr(status, "list_files", never_read)
    known = client.get(LIST, headers={"If-None-Match": tag})
    assert (known.status_code, known.data, known.cache_control.max_age) == (304, b"", 300)


def test_a_newer_list_takes_the_place_of_the_file_and_a_delta_stands_beside_it(
    hierarchy: Hierarchy, client: FlaskClient, folder: Path
) -> None:
    arrange(hierarchy, delta=True)
    publish(hierarchy)
    client.get(LIST)
    revoke(hierarchy, issue(hierarchy))
    newer = publish(hierarchy, scheduled=False)
    assert client.get(LIST).data == newer.der
    delta = client.get("/pki/crl/issuing-1-0-delta.crl")
    assert delta.status_code == 200
    assert delta.headers["ETag"] != client.get(LIST).headers["ETag"]
    assert {file.read_bytes() for file in folder.iterdir()} == {newer.der, delta.data}


def test_a_file_that_was_cut_off_is_made_anew(hierarchy: Hierarchy, client: FlaskClient, folder: Path) -> None:
    """The power went while it was written."""
    published = publish(hierarchy)
    client.get(LIST)
    [file] = folder.iterdir()
    file.write_bytes(b"")
    assert client.get(LIST).data == published.der
    assert file.read_bytes() == published.der


def test_a_full_disk_keeps_nobody_from_the_list(
    hierarchy: Hierarchy, client: FlaskClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    published = publish(hierarchy)
    monkeypatch.setattr(Path, "write_bytes", full)
    assert client.get(LIST).data == published.der
    assert list(folder.iterdir()) == []


def test_a_list_that_is_not_the_one_that_was_published_is_not_handed_out(
    hierarchy: Hierarchy, client: FlaskClient
) -> None:
    """Somebody wrote into the database: its digest, which the event has too, does not fit."""
    publish(hierarchy)
    with hierarchy.services.database.transaction() as session:
        session.execute(update(RevocationList).values(der=b"\x30\x00" + b"x" * 300))
    assert client.get(LIST).status_code == 500
