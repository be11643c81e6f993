"""Where an application stands: a sandbox, for test citizens alone, or production, for everybody but them.

The rule of who may enter where is here and nowhere else; the doors ask it: the browser's (before a page is shown, and
again where the code is written), devices and backchannel requests, and every use of tokens that were given before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernel.identifiers import new_id

#: What the identifier of a test citizen begins with: an identifier of :func:`kernel.identifiers.new_id` begins so in no
#: year before 28,000, so wherever one is written down (events, logs, tokens) it says what it is.
TEST_PREFIX = "test"
#: Reasons of a refusal, on record; applications hear ``access_denied``.
TEST_PERSON_OUTSIDE, REAL_PERSON_IN_SANDBOX = "test_person_outside", "real_person_in_sandbox"


class Environment(StrEnum):
    """Where an application stands."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


def misplaced(environment: Environment, *, is_test: bool) -> str | None:
    """Return why a person may not enter an application of this environment, or None if he may.

    :param is_test: whether it is a test citizen.
    """
    if is_test and environment is not Environment.SANDBOX:
        return TEST_PERSON_OUTSIDE
    if environment is Environment.SANDBOX and not is_test:
        return REAL_PERSON_IN_SANDBOX
    return None


@dataclass(frozen=True)
class Place:
    """Where an application stands, and whose it is. :ivar institution_id: None: of no institution."""

    environment: Environment
    institution_id: str | None


def may_call(caller: Place, api: Place | None) -> bool:
    """Tell whether an application may have tokens for an API.

    Both stand in the same environment; in a sandbox, which nobody has approved, both are of one institution.

    :param api: None for one that is not registered here and verifies tokens by itself: nothing is known of where it
        stands, so only what was approved may call it.
    """
    if caller.environment is not Environment.SANDBOX:
        return api is None or api.environment is Environment.PRODUCTION
    return api is not None and api == caller and api.institution_id is not None


def new_test_person_id() -> str:
    """Return an identifier for a test citizen."""
    return f"{TEST_PREFIX}{new_id()[len(TEST_PREFIX) :]}"
