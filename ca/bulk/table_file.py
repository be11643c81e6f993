"""The file of a batch: a table of comma- or semicolon-separated values, bounded, read line by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ca.profiles.profile import Profile
from ca.requests.csr import LIMIT
from kernel.errors import NotFound, Rejected
from kernel.identifiers import sha256_hex

MAX_OCTETS = 128 * 1024 * 1024
MAX_ROWS = 100_000
MAX_CELL = 64 * 1024
CSR, CSR_FILE, INSTITUTION, EMAIL = "csr", "csr_file", "institution", "email"
_OWN = (CSR, CSR_FILE, INSTITUTION, EMAIL)


@dataclass(frozen=True)
class InputRow:
    """One line as it stands in the file, nothing of it believed.

    :ivar line: of the file, the header being line 1; a row that spans lines is named by its first.
    :ivar csr: PEM, DER or base64; empty: the key is to be made here.
    :ivar problem: why the row cannot be read, as code and text; it is then refused.
    """

    line: int
    csr: bytes
    institution_ruc: str | None
    email: str
    inputs: Mapping[str, str]
    problem: tuple[str, str] | None = None


@dataclass(frozen=True)
class TableFile:
    """A file whose header fits the profile.

    :ivar folder: where the files are that it may name.
    :ivar content_sha256: of its octets.
    """

    name: str
    folder: Path | None
    text: str = field(repr=False)
    columns: tuple[str, ...]
    delimiter: str
    content_sha256: str
    row_count: int


def open_table(path: Path, *, profile: Profile) -> TableFile:
    """Read the file and check its header.

    :raises NotFound: ``no_file``. :raises Rejected: ``table_too_large``, ``table_not_text``, ``table_empty``,
        ``unknown_column``, ``duplicate_column``, ``column_missing``, ``too_many_rows``, ``table_malformed``.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise NotFound(f"{path} cannot be read.", code="no_file") from error
    return parse_table(octets, profile=profile, name=path.name, folder=path.parent)


def parse_table(octets: bytes, *, profile: Profile, name: str, folder: Path | None = None) -> TableFile:
    """Return the table that the octets hold, its header checked.

    :param folder: where files that it names are; None: it may name none.
    :raises Rejected: as :func:`open_table`.
    """
    if len(octets) > MAX_OCTETS:
        raise Rejected(f"The table has more than {MAX_OCTETS // 2**20} MiB.", code="table_too_large")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected("The table is not UTF-8 text; save it as “CSV UTF-8”.", code="table_not_text") from error
    if "\0" in text:
        raise Rejected("The table has a NUL character.", code="table_not_text")
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    table = TableFile(name, folder, text, (), delimiter, sha256_hex(octets), 0)
    try:
        rows = _rows(table)
        columns = tuple(cell.strip().lower() for cell in next(rows, (1, []))[1])
        _require_columns(columns, profile)
        count = 0
        for _ in rows:
            count += 1
            if count > MAX_ROWS:
                raise Rejected(f"The table has more than {MAX_ROWS} rows; split it.", code="too_many_rows")
    except csv.Error as error:
        raise Rejected("The table is damaged: a cell does not end, or is too long.", code="table_malformed") from error
    if not count:
        raise Rejected("The table has no rows under its header.", code="table_empty")
    return TableFile(name, folder, text, columns, delimiter, table.content_sha256, count)


def read_rows(table: TableFile, *, institution_ruc: str | None) -> Iterator[InputRow]:
    """Yield the rows in order. A row that cannot be read is yielded with its problem.

    :param institution_ruc: for rows that name none.
    """
    rows = _rows(table)
    next(rows)
    for line, cells in rows:
        if len(cells) != len(table.columns):
            yield _unreadable(line, "row_width", f"The row has {len(cells)} cells, the header {len(table.columns)}.")
            continue
        values = {name: cell.strip() for name, cell in zip(table.columns, cells, strict=True)}
        try:
            csr = _csr(values, folder=table.folder)
        except Rejected as error:
            yield _unreadable(line, error.code, error.public_detail)
            continue
        yield InputRow(
            line=line,
            csr=csr,
            institution_ruc=values.get(INSTITUTION) or institution_ruc,
            email=values.get(EMAIL, ""),
            inputs={name: value for name, value in values.items() if name not in _OWN and value},
        )


def _rows(table: TableFile) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(table.text, newline=""), delimiter=table.delimiter, strict=True)
    before = 0
    for cells in reader:
        line, before = before + 1, reader.line_num
        if cells:
            yield line, cells


def _require_columns(columns: tuple[str, ...], profile: Profile) -> None:
    fields = {field.name for field in profile.inputs if not field.from_register}
    unknown = [name for name in columns if name not in fields and name not in _OWN]
    known = ", ".join([*_OWN, *sorted(fields)])
    if unknown:
        shown = ", ".join(repr(name[:40]) for name in unknown[:5])
        raise Rejected(f"Columns that the profile does not know: {shown}. It knows: {known}.", code="unknown_column")
    if len(set(columns)) != len(columns):
        raise Rejected("A column is there twice.", code="duplicate_column")
    if not {CSR, CSR_FILE} & set(columns) and not profile.keys_made_here:
        raise Rejected("The table needs a column csr or csr_file.", code="column_missing")


def _csr(values: Mapping[str, str], *, folder: Path | None) -> bytes:
    inline, name = values.get(CSR, ""), values.get(CSR_FILE, "")
    if inline and name:
        raise Rejected("The row has a request and the name of a file.", code="csr_twice")
    if inline:
        return _as_pem(inline)
    if not name:
        return b""
    # A table may come from an institution: it names files beside it and under it, nothing else of this machine.
    path = (folder or Path()).joinpath(name).resolve()
    if folder is None or not path.is_relative_to(folder.resolve()):
        raise Rejected("The file of the request is outside of the table's folder.", code="csr_outside")
    try:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except OSError as error:
        raise Rejected("The file of the request cannot be read.", code="csr_not_found") from error


def _as_pem(inline: str) -> bytes:
    """PEM as it is; base64 alone, as spreadsheets keep it, gets its two lines."""
    if "-----" in inline:
        return inline.replace("\\n", "\n").encode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{inline}\n-----END CERTIFICATE REQUEST-----\n".encode()


def _unreadable(line: int, code: str, detail: str) -> InputRow:
    return InputRow(line, b"", None, "", {}, problem=(code, detail))
