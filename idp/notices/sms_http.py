"""A gateway that takes short messages by HTTP: one JSON object a message, documented in docs/codes.md."""

from __future__ import annotations

import base64
import json

from idp.notices.sms import Sms
from idp.notices.sms_taken import SmsNotTaken
from outgoing.client import OutgoingClient
from outgoing.errors import OutgoingError

_SECONDS = 10
# It was understood, and refused for what it says: a number that does not exist, a text that is not allowed.
_FINAL_STATUSES = frozenset({400, 404, 410, 422})


def hand_over_by_http(sms: Sms, *, address: str, user: str, secret: str, sender: str, outgoing: OutgoingClient) -> None:
    """POST ``{"id", "to", "from", "text"}``; any status of success means that the gateway has taken it.

    The id is the same at each attempt, and stands in ``Idempotency-Key`` too, so that a gateway can drop repetitions.

    :raises SmsNotTaken: with the status, or why there was no answer.
    """
    headers = {"Idempotency-Key": sms.id}
    if user:
        headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"
    elif secret:
        headers["Authorization"] = f"Bearer {secret}"
    body = json.dumps({"id": sms.id, "to": sms.to, "from": sender, "text": sms.text}, ensure_ascii=False).encode()
    try:
        answer = outgoing.send(address, body=body, media_type="application/json", headers=headers, seconds=_SECONDS)
    except OutgoingError as error:
        raise SmsNotTaken(error.reason.value) from None
    if not answer.succeeded:
        raise SmsNotTaken(f"status_{answer.status}", permanent=answer.status in _FINAL_STATUSES)
