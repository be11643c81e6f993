"""One family tree of errors, by who must act. ``web`` packages map it to responses in one table each."""

from __future__ import annotations

from datetime import timedelta


class ServiceError(Exception):
    """An error that the service foresaw.

    :ivar code: stable machine-readable name, ``snake_case``; the dictionary of errors in the docs is keyed by it.
    :ivar public_detail: what the reader may know, in English, written for the reader; pages translate by ``code``.
    :ivar commits: when true, the transaction that the error leaves is committed and not rolled back, because it holds
        the event of the refusal (and what counts the failure). See ``kernel.database.Database.transaction``.
    """

    default_code = "error"

    def __init__(self, public_detail: str = "", *, code: str | None = None, commits: bool = False) -> None:
        super().__init__(public_detail)
        self.code = code or self.default_code
        self.public_detail = public_detail
        self.commits = commits

    def __str__(self) -> str:
        return f"{self.code}: {self.public_detail}" if self.public_detail else self.code


class Rejected(ServiceError):
    """The input is wrong; the sender can correct it."""

    default_code = "rejected"


class Denied(ServiceError):
    """The actor may not do this."""

    default_code = "denied"


class NotFound(ServiceError):
    """There is no such thing, or the actor may not know that there is."""

    default_code = "not_found"


class Conflict(ServiceError):
    """The state has changed meanwhile."""

    default_code = "conflict"


class AlreadyConsumed(Conflict):
    """A value of single use was used before: someone else won."""

    default_code = "already_consumed"


class Throttled(ServiceError):
    """Too many tries.

    :ivar retry_after: how long to wait.
    """

    default_code = "throttled"

    def __init__(
        self, public_detail: str = "", *, retry_after: timedelta, code: str | None = None, commits: bool = False
    ) -> None:
        super().__init__(public_detail, code=code, commits=commits)
        self.retry_after = retry_after


class Unavailable(ServiceError):
    """Something that we depend on does not answer; later it may."""

    default_code = "unavailable"


class Fault(ServiceError):
    """A broken invariant: our mistake, or someone changed our data."""

    default_code = "fault"
