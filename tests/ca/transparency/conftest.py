"""Fixtures of the certificate log: a hierarchy, and institutions and people in memory."""

from tests.ca.ground import hierarchy, institutions, now, services

__all__ = ["hierarchy", "institutions", "now", "services"]
