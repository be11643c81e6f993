"""What a check of the doctor found, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad it is; also the exit status of ``sau doctor``."""

    OK = 0
    WARNING = 1
    BROKEN = 2


@dataclass(frozen=True)
class Finding:
    """What one check found.

    :ivar remedy: what to do, empty when all is well.
    """

    check: str
    severity: Severity
    said: str
    remedy: str = ""

    def as_record(self) -> dict[str, str]:
        """Return the finding as JSON can hold it."""
        return {"check": self.check, "severity": self.severity.name.lower(), "said": self.said, "remedy": self.remedy}

    def as_text(self) -> str:
        """Return the finding as lines for a terminal."""
        mark = {Severity.OK: "ok     ", Severity.WARNING: "WARNING", Severity.BROKEN: "BROKEN "}[self.severity]
        line = f"{mark}  {self.check:<18} {self.said}"
        return f"{line}\n{'':27} -> {self.remedy}" if self.remedy else line


def ok(check: str, said: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(check, Severity.OK, said)


def warning(check: str, said: str, remedy: str) -> Finding:
    """Return a finding that can wait a little."""
    return Finding(check, Severity.WARNING, said, remedy)


def broken(check: str, said: str, remedy: str) -> Finding:
    """Return a finding that stops something."""
    return Finding(check, Severity.BROKEN, said, remedy)
