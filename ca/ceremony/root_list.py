"""The roots' revocation lists: signed where their keys are, from the command line."""

from __future__ import annotations

from ca.ceremony.hierarchy import ROOT
from ca.ceremony.root_store import RootKeys, recorded_root_keys
from ca.issuance.authority import list_authorities, load_authority
from ca.locations import FIRST_SHARD
from ca.revocation.publish import PublishedList, current_list, publish_list
from ca.services import CaServices
from kernel.errors import NotFound


def publish_root_list(
    services: CaServices, *, only_if_missing: bool = False, name: str = ROOT, roots: RootKeys | None = None
) -> PublishedList:
    """Publish the list of the root ``name`` and return it; it must be renewed before its nextUpdate, by hand.

    :param only_if_missing: return the newest list as it is, if there is one.
    :param roots: opens its store; by default from the home alone.
    :raises NotFound: (``root_key_away``) if the root's key is not on this machine, ``unknown_authority`` before the
        first ceremony.
    """
    with services.database.reading() as session:
        authority = load_authority(session, name)
        if only_if_missing:
            try:
                return current_list(session, authority_name=name, shard=FIRST_SHARD, now=services.clock.now())
            except NotFound:
                pass
    signer = (roots or recorded_root_keys(services, actor="command")).signer(authority.key_name)
    return publish_list(services, authority_id=authority.id, signer=signer, scheduled=True)


def root_names(services: CaServices) -> list[str]:
    """Return the short names of all roots that have not expired."""
    now = services.clock.now()
    with services.database.reading() as session:
        return [r.name for r in list_authorities(session) if r.is_root and r.certificate.not_valid_after_utc > now]
