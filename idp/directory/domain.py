"""DNS domains that an institution holds."""

from __future__ import annotations

import re
from functools import cache

from publicsuffixlist import PublicSuffixList

from kernel.errors import Rejected

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def normalize_domain(typed: str) -> str:
    """Return ``typed`` in lower-case A-label form without a final dot (RFC 5890 §2.3.2.1).

    :raises Rejected: (``bad_domain``) if it is no domain name, has a wildcard, or is a public suffix like ``gob.ec``,
        under which others register: nobody holds that whole.
    """
    name = typed.strip().rstrip(".").lower()
    try:
        name = name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Rejected("This is not a domain name.", code="bad_domain") from error
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Rejected("This is not a domain name.", code="bad_domain")
    if labels[-1].isdigit():
        raise Rejected("An address is not a domain name.", code="bad_domain")
    if _suffixes().is_public(name):
        raise Rejected("Under this name others register theirs: nobody holds it whole.", code="bad_domain")
    return name


@cache
def _suffixes() -> PublicSuffixList:
    """Return the list, read when it is first needed: most processes never ask."""
    return PublicSuffixList()
