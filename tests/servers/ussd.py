"""A telephone with keys behind a network operator's gateway: dials, types, and keeps what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flask.testing import FlaskClient

SECRET = "una-clave-larga-de-la-pasarela-0123456789"
_SESSIONS = count(1)


@dataclass
class KeyTelephone:
    """A telephone of the number ``phone``.

    :ivar whole: the gateway sends all that was typed, with ``*`` between; else the last key alone.
    """

    http: FlaskClient
    phone: str = "593991234567"
    secret: str = SECRET
    address: str = "198.51.100.20"
    whole: bool = True
    typed: list[str] = field(default_factory=list)
    session: str = ""
    shown: str = ""

    def dial(self) -> str:
        """Begin a dialogue and return the screen, with ``CON`` or ``END`` before it."""
        self.session, self.typed = f"ATUid_{next(_SESSIONS)}", []
        return self._send("")

    def key(self, text: str) -> str:
        """Type and return the next screen."""
        self.typed.append(text)
        return self._send("*".join(self.typed) if self.whole else text)

    def post(self, text: str) -> Any:
        """Send as the gateway does and return the response as it is."""
        data = {"sessionId": self.session, "phoneNumber": self.phone, "serviceCode": "*723#", "text": text}
        headers = {"Authorization": f"Bearer {self.secret}"}
        return self.http.post("/ussd", data=data, headers=headers, environ_base={"REMOTE_ADDR": self.address})

    def _send(self, text: str) -> str:
        response = self.post(text)
        assert response.status_code == 200, response.get_data(as_text=True)
        assert response.mimetype == "text/plain"
        self.shown = response.get_data(as_text=True)
        assert len(self.shown) <= 164
        return self.shown
