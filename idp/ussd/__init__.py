"""Approvals on a telephone with keys: dialogues by USSD, through the network operator's gateway.

What stands at their end is a request of backchannel authentication (:mod:`idp.decoupled`); docs/ussd.md.
"""
