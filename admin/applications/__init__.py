"""What is done at the console with relying applications: registering, going live, changing, keys, test citizens, use.

Use cases of the console and its REST API: they put together what ``idp.clients`` knows of an application with who asks
for it, whose it is, and who has to agree.
"""
