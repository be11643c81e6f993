"""People helped in person: desks, checked identities, recovery of an account, reports of what was not theirs."""
