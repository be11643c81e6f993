"""By which name an application knows a person: its sector (OpenID Connect Core §8.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from idp.clients.registration.values import https_uri, one_of, refusal

SUBJECT_TYPES = ("public", "pairwise")


def subject_metadata(metadata: Mapping[str, Any], *, redirect_uris: Sequence[str]) -> dict[str, Any]:
    """Return the valid members about subjects.

    That all redirect URIs stand at ``sector_identifier_uri`` is checked where it is fetched.

    :raises Rejected: (``bad_client_metadata``): redirect URIs on several hosts and nothing that names their sector.
    """
    subject_type = one_of(metadata, "subject_type", SUBJECT_TYPES, default="public")
    sector = https_uri(metadata, "sector_identifier_uri")
    hosts = {urlsplit(uri).hostname for uri in redirect_uris}
    if subject_type == "pairwise" and sector is None and len(hosts) > 1:
        raise refusal("sector_identifier_uri: pairwise subjects with redirect_uris on several hosts need one")
    return {"subject_type": subject_type, "sector_identifier_uri": sector}
