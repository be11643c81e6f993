"""Tables as operators prepare them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tests.ca.csr import make_csr
from tests.ca.ground import RUC


@lru_cache(maxsize=1)
def ready_requests() -> tuple[str, ...]:
    """Forty requests of applications, each with a key of its own."""
    return tuple(make_csr(common_name=None, dns=()) for _ in range(40))


def write_table(path: Path, rows: Iterable[Iterable[str]], *, delimiter: str = ",") -> Path:
    """Write the rows, the header first."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def applications(path: Path, count: int) -> Path:
    """A table for profile tls-client."""
    rows = [[csr, f"Aplicación {number}"] for number, csr in enumerate(ready_requests()[:count], 1)]
    return write_table(path, [["csr", "application"], *rows])


def servers(path: Path, names: Iterable[str]) -> Path:
    """A table for profile tls-server, which two people decide on."""
    rows = [[make_csr(common_name=name, dns=(name,)), RUC] for name in names]
    return write_table(path, [["csr", "institution"], *rows])
