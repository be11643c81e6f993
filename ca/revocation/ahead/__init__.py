"""OCSP answers that the worker signs before anyone asks: made in pages, read by every process."""
