"""What is out of reach is answered like what does not exist, octet for octet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.errors import NotFound


@contextmanager
def hidden(what: str) -> Iterator[None]:
    """Answer ``not_found`` and ``unknown_WHAT`` alike inside the block. :param what: as codes spell it."""
    try:
        yield
    except NotFound as error:
        if error.code not in ("not_found", f"unknown_{what}") or error.commits:
            raise
        raise NotFound(f"There is no such {what.replace('_', ' ')}.", code=f"unknown_{what}") from error
