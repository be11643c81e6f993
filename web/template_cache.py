"""Compiled templates, shared by the applications of one process: each is compiled once, however many are made."""

from __future__ import annotations

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class MemoryBytecodeCache(BytecodeCache):
    """Bytecode in a dictionary; the bucket's checksum of the source keeps it true."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill ``bucket`` if its template was compiled before."""
        code = self._codes.get(bucket.key)
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled for ``bucket``."""
        self._codes[bucket.key] = bucket.bytecode_to_string()


SHARED = MemoryBytecodeCache()
