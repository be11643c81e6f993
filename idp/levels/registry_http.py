"""A civil registry that answers by HTTP: one POST a person, JSON both ways, documented in docs/levels.md."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from idp.levels.circuit import Circuit
from idp.levels.registry import CivilRecord, RegistryUnavailableError, read_record
from kernel.clock import Clock
from outgoing.client import OutgoingClient
from outgoing.errors import OutgoingError

SECONDS = 5.0


@dataclass(frozen=True)
class RegistryServer:
    """Asks the server at ``address``, once a question: somebody waits for the page, and may try again himself.

    :ivar credentials_file: ``USER:PASSWORD``, or a bearer token; read at each question, so that it can be changed.
    """

    address: str
    credentials_file: Path | None
    outgoing: OutgoingClient
    clock: Clock
    circuit: Circuit = field(default_factory=Circuit)

    def find(self, cedula: str) -> CivilRecord | None:
        """See :class:`idp.levels.registry.CivilRegistry`."""
        if not self.circuit.lets_through(self.clock.now()):
            raise RegistryUnavailableError("circuit_open")
        try:
            record = self._ask(cedula)
        except RegistryUnavailableError:
            self.circuit.failed(self.clock.now())
            raise
        self.circuit.succeeded()
        return record

    def _ask(self, cedula: str) -> CivilRecord | None:
        # In the body: addresses stand in logs.
        body, headers = json.dumps({"cedula": cedula}).encode(), self._credentials()
        try:
            answer = self.outgoing.send(
                self.address, body=body, media_type="application/json", headers=headers, seconds=SECONDS
            )
        except OutgoingError as error:
            raise RegistryUnavailableError(error.reason.value) from None
        if answer.status == 404:
            return None
        if answer.status != 200 or answer.media_type != "application/json":
            raise RegistryUnavailableError(f"status_{answer.status}" if answer.status != 200 else "bad_media_type")
        try:
            document = json.loads(answer.body)
            if not isinstance(document, dict):
                raise ValueError("no object")
            record = read_record(document)
        except (ValueError, RecursionError):
            raise RegistryUnavailableError("bad_answer") from None  # what it said is about a person: not in a trace
        if record.cedula != cedula:
            raise RegistryUnavailableError("another_person")
        return record

    def _credentials(self) -> Mapping[str, str]:
        if self.credentials_file is None:
            return {}
        try:
            text = self.credentials_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise RegistryUnavailableError("credentials_unreadable") from None
        scheme, value = ("Basic", base64.b64encode(text.encode()).decode()) if ":" in text else ("Bearer", text)
        return {"Authorization": f"{scheme} {value}"}
