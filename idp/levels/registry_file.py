"""A civil registry in a CSV file: for the demonstration, and for small installations that are given extracts."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

from idp.levels.registry import CivilRecord, RegistryUnavailableError, read_record

COLUMNS = ("cedula", "given_names", "surnames", "birth_date", "fingerprint_code", "status")
#: People of the demonstration, with what the registry knows of them: all invented.
DEMO_FILE = Path(__file__).parent / "demo_registry.csv"
_MOST_OCTETS = 64 * 1024 * 1024


class RegistryFile:
    """Reads the file when it is first asked, and again when it has changed.

    :param path: UTF-8, with the header :data:`COLUMNS`; a line that is no record makes the whole file unreadable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._records: dict[str, CivilRecord] = {}

    def find(self, cedula: str) -> CivilRecord | None:
        """See :class:`idp.levels.registry.CivilRegistry`."""
        with self._reading:
            try:
                found = self._path.stat()
                if (found.st_mtime_ns, found.st_size) != self._stamp:
                    if found.st_size > _MOST_OCTETS:
                        raise ValueError("too large")
                    self._records = _read(self._path)
                    self._stamp = found.st_mtime_ns, found.st_size
            except (OSError, ValueError, csv.Error) as error:
                raise RegistryUnavailableError("file_unreadable") from error
            return self._records.get(cedula)


def _read(path: Path) -> dict[str, CivilRecord]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError("header")
        return {record.cedula: record for record in map(read_record, rows)}
