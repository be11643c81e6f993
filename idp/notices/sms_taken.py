"""Why a gateway did not take a short message."""

from __future__ import annotations

from kernel.errors import Unavailable


class SmsNotTaken(Unavailable):
    """The gateway did not take the message. Its code is ``sms_`` and the reason.

    :ivar permanent: whether the same message again cannot help.
    """

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__("The gateway did not take the message.", code=f"sms_{reason}")
        self.permanent = permanent
