"""Forms of members that many bodies have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _within(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("a moment between 1990 and 2200")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_within)]
Ruc = Annotated[str, Field(pattern=r"^\d{13}$", examples=["1768152560001"])]
Id = Annotated[str, Field(min_length=1, max_length=64, examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_.-]*$", examples=["tls-server"])]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])]
Reason = Annotated[str, Field(min_length=1, max_length=500, examples=["La institución ya no usa ese nombre"])]

#: What is wrong with a certificate signing request, as ``Operation.fields`` says it.
CSR_FIELDS = dict.fromkeys(
    (
        "csr_empty",
        "csr_malformed",
        "csr_too_large",
        "csr_private_key",
        "csr_bad_pem",
        "csr_wrong_pem",
        "csr_unsupported_key",
        "csr_weak_signature",
        "csr_bad_signature",
        "key_weak",
    ),
    "csr",
)
