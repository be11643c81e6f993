"""The root's revocation list: signed where its key is, from the command line."""

from __future__ import annotations

from ca.ceremony.hierarchy import ROOT
from ca.ceremony.root_store import open_root_signer
from ca.issuance.authority import load_authority
from ca.locations import FIRST_SHARD
from ca.revocation.publish import PublishedList, current_list, publish_list
from ca.services import CaServices
from kernel.errors import NotFound


def publish_root_list(services: CaServices, *, only_if_missing: bool = False) -> PublishedList:
    """Publish the root's list and return it; it must be renewed before its nextUpdate, by hand.

    :param only_if_missing: return the newest list as it is, if there is one.
    :raises NotFound: (``root_key_away``) if the root's key is not on this machine, ``unknown_authority`` before the
        first ceremony.
    """
    with services.database.reading() as session:
        authority = load_authority(session, ROOT)
        if only_if_missing:
            try:
                return current_list(session, authority_name=ROOT, shard=FIRST_SHARD, now=services.clock.now())
            except NotFound:
                pass
    signer = open_root_signer(services.settings)
    return publish_list(services, authority_id=authority.id, signer=signer, scheduled=True)
