"""Directories of institutions (LDAP, Active Directory): where public servants' passwords are checked.

The register of institutions is another room, ``idp.directory``.
"""
