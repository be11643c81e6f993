"""The file of a batch: bounded, and told apart line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ca.bulk import table_file
from ca.bulk.table_file import open_table, read_rows
from ca.profiles.registry import packaged_profiles
from kernel.errors import NotFound, Rejected
from tests.ca.bulk.tables import ready_requests, write_table

PROFILE = packaged_profiles().get("tls-client")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "column_missing"),
        ("csr,application\n", "table_empty"),
        ("csr,color\nx,y\n", "unknown_column"),
        ("csr,CSR\nx,y\n", "duplicate_column"),
        ("application\nx\n", "column_missing"),
        ('csr,application\n"x,y\n', "table_malformed"),
        ("csr,application\nx\0,y\n", "table_not_text"),
    ],
)
def test_refuses_a_table_that_does_not_fit(tmp_path: Path, content: str, code: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(Rejected) as error:
        open_table(path, profile=PROFILE)
    assert error.value.code == code


def test_refuses_what_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("csr,application\nx,Niñez\n".encode("latin-1"))
    with pytest.raises(Rejected, match="table_not_text"):
        open_table(tmp_path / "t.csv", profile=PROFILE)


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no_file"):
        open_table(tmp_path / "t.csv", profile=PROFILE)


def test_rows_and_octets_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(tmp_path / "t.csv", [["csr", "application"], *[["x", "y"]] * 3])
    monkeypatch.setattr(table_file, "MAX_ROWS", 2)
    with pytest.raises(Rejected, match="too_many_rows"):
        open_table(path, profile=PROFILE)
    monkeypatch.setattr(table_file, "MAX_OCTETS", 10)
    with pytest.raises(Rejected, match="table_too_large"):
        open_table(path, profile=PROFILE)


def test_a_cell_is_bounded(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", [["csr", "application"], ["x" * 70_000, "y"]])
    with pytest.raises(Rejected, match="table_malformed"):
        open_table(path, profile=PROFILE)


def test_reads_spreadsheets_of_the_country(tmp_path: Path) -> None:
    """Spreadsheets set to Spanish write semicolons, and a mark before the first letter."""
    path = tmp_path / "t.csv"
    path.write_text("\ufeffCSR;Application\nabc; Trámites \n\ndef;Pagos\n", encoding="utf-8")
    table = open_table(path, profile=PROFILE)
    rows = list(read_rows(table, institution_ruc="1"))
    assert table.row_count == 2
    assert [(row.line, row.inputs["application"], row.institution_ruc) for row in rows] == [
        (2, "Trámites", "1"),
        (4, "Pagos", "1"),
    ]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """A request in PEM spans lines: a row is named by its first."""
    csr = ready_requests()[0]
    path = write_table(tmp_path / "t.csv", [["csr", "application"], [csr, "a"], [csr, "b"], ["x"]])
    rows = list(read_rows(open_table(path, profile=PROFILE), institution_ruc=None))
    assert rows[0].line == 2
    assert path.read_text().splitlines()[rows[1].line - 1].endswith("BEGIN CERTIFICATE REQUEST-----")
    assert rows[2].problem is not None
    assert rows[2].problem[0] == "row_width"


def test_requests_in_files_stay_beside_the_table(tmp_path: Path) -> None:
    """A table from outside names no other file of this machine."""
    folder = tmp_path / "lote"
    folder.mkdir()
    (tmp_path / "secret").write_text("s")
    (folder / "a.csr").write_text("inside")
    (folder / "link").symlink_to(tmp_path / "secret")
    names = ["a.csr", "../secret", str(tmp_path / "secret"), "link", "none.csr"]
    path = write_table(folder / "t.csv", [["csr_file", "application"], *[[name, "x"] for name in names]])
    rows = list(read_rows(open_table(path, profile=PROFILE), institution_ruc=None))
    assert rows[0].csr == b"inside"
    assert [row.problem[0] if row.problem else None for row in rows[1:]] == [
        "csr_outside",
        "csr_outside",
        "csr_outside",
        "csr_not_found",
    ]
