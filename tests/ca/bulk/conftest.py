"""The ground of batches: see tests.ca.ground."""

from tests.ca.ground import hierarchy, institutions, now, services

__all__ = ["hierarchy", "institutions", "now", "services"]
