"""HTTP of rights: the decision API, SCIM, and what a person sees of his own."""

from __future__ import annotations

from idp.web.rights import provisioning, scim_description, scim_groups

#: The modules whose views make up the one blueprint of SCIM.
SCIM = (provisioning, scim_groups, scim_description)
