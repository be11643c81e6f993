"""Verifies an exported audit log. Shares no code with the service: read it, it is the whole rule.

    python verify_log.py LOG.zip [--key NAME+ID+KEY] [--proof PROOF.json [--txn TXN]]

Needs Python 3.9 or newer and the package "cryptography". Give --key as you got it from elsewhere than from the file;
without it the file is only held against itself. With --proof one event's proof is checked; LOG.zip may be
left out; --txn is what your ID token says, of which the proof must be.
Exit status: 0 all good, 1 something is wrong (the first bad record is named), 2 wrong use.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import sys
import zipfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Bad(Exception):
    """What is wrong, in a sentence."""


def leaf_hash(line):
    return hashlib.sha256(b"\0" + line).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A growing Merkle tree (RFC 6962 section 2.1): a stack of (height, hash), like a binary counter."""

    def __init__(self):
        self.size, self.stack = 0, []

    def add(self, digest):
        height = 0
        while self.stack and self.stack[-1][0] == height:
            digest = node_hash(self.stack.pop()[1], digest)
            height += 1
        self.stack.append((height, digest))
        self.size += 1

    def root(self):
        if not self.stack:
            return hashlib.sha256().digest()
        digest = self.stack[-1][1]
        for _, left in self.stack[-2::-1]:
            digest = node_hash(left, digest)
        return digest


class Key:
    """The log's public key, written NAME+ID+KEY."""

    def __init__(self, text):
        try:
            self.name, identifier, encoded = text.strip().split("+", 2)
            octets = base64.b64decode(encoded, validate=True)
            self.identifier = hashlib.sha256(self.name.encode() + b"\n" + octets).digest()[:4]
            self.verifier = Ed25519PublicKey.from_public_bytes(octets[1:])
        except ValueError as error:
            raise Bad("the key is not of the form NAME+ID+KEY") from error
        if octets[0] != 1 or self.identifier.hex() != identifier:
            raise Bad("the key does not have the id that it states")

    def open_checkpoint(self, note):
        """Return (size, root) of a signed checkpoint."""
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        for line in signatures.splitlines():
            dash, name, encoded = [*line.split(" "), "", ""][:3]
            signature = base64.b64decode(encoded)
            if (dash, name, signature[:4]) == ("\u2014", self.name, self.identifier):
                try:
                    self.verifier.verify(signature[4:], text.encode())
                except InvalidSignature as error:
                    raise Bad("a checkpoint's signature does not hold") from error
                origin, size, root = text.split("\n")[:3]
                if origin != self.name:
                    raise Bad("a checkpoint is of another log")
                return int(size), base64.b64decode(root)
        raise Bad("a checkpoint is not signed by the key")


def check_line(index, line, previous_good):
    """A record is one canonical JSON object; personal data stands in it concealed."""
    try:
        record = json.loads(line)
        canonical = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    except ValueError:
        canonical = None
    if canonical != line:
        raise Bad(f"record {index} is not canonical JSON (the last good one is {previous_good})")
    return record["id"]


def check_bundle(path, key_text):
    with zipfile.ZipFile(path) as bundle:
        stated = bundle.read("log-key.txt").decode()
        key = Key(key_text or stated)
        heads = {}
        for line in bundle.read("checkpoints.jsonl").splitlines():
            size, root = key.open_checkpoint(json.loads(line)["note"])
            if heads.setdefault(size, root) != root:
                raise Bad(f"two trees of {size} records were signed")
        if not heads:
            raise Bad("there is no checkpoint")
        tree, last_good, signed = Tree(), "none", 0
        last_size = max(heads)
        with bundle.open("leaves.jsonl") as leaves, bundle.open("leaf-hashes.txt") as hashes:
            suspect = None
            for line in leaves:
                line, stated_hash = line.rstrip(b"\n"), hashes.readline().strip().decode()
                digest = leaf_hash(line)
                if digest.hex() != stated_hash and suspect is None:
                    suspect = f"record {tree.size} was changed, removed or moved (the last good one is {last_good})"
                if tree.size >= last_size:
                    raise Bad(f"record {tree.size} was added after the last signed head")
                tree.add(digest)
                if tree.size in heads:
                    if tree.root() != heads[tree.size]:
                        raise Bad(suspect or f"a record of {signed}..{tree.size - 1} was changed, removed or moved")
                    signed = tree.size
                if suspect is None:
                    last_good = check_line(tree.size - 1, line, last_good)
            if tree.size < last_size:
                raise Bad(suspect or f"the records from {tree.size} to {last_size - 1} are missing")
            if suspect:
                raise Bad("leaf-hashes.txt was changed; the records are good")
    return tree.size, len(heads), key


def check_proof(path, key_text, txn):
    """RFC 9162 section 2.1.3.2. The proof shows the record, or of a receipt (ID token "txn": EVENT.HASH) its hash."""
    proof = json.loads(pathlib.Path(path).read_text("utf-8"))
    key = Key(key_text or proof["log_key"])
    size, root = key.open_checkpoint(proof["checkpoint"])
    receipt = proof.get("receipt", "")
    if txn and txn != receipt:
        raise Bad("the proof is of another receipt")
    name, _, encoded = receipt.partition(".")
    index, digest = proof["index"], base64.urlsafe_b64decode(encoded + "=")
    if not receipt:
        name, digest = json.loads(proof["leaf"])["id"], leaf_hash(proof["leaf"].encode())
    if not 0 <= index < size:
        raise Bad("the tree has no such record")
    position, last = index, size - 1
    for sibling in (base64.b64decode(each) for each in proof["hashes"]):
        if last == 0:
            raise Bad("the proof is too long")
        if position % 2 or position == last:
            digest = node_hash(sibling, digest)
            while position and position % 2 == 0:
                position, last = position // 2, last // 2
        else:
            digest = node_hash(digest, sibling)
        position, last = position // 2, last // 2
    if last or digest != root:
        raise Bad("the proof does not lead to the signed root")
    return name, index, size


def main():
    parser = argparse.ArgumentParser(description="Verify an exported audit log or one event's proof.")
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("--key")
    parser.add_argument("--proof")
    parser.add_argument("--txn")
    options = parser.parse_args()
    if not options.bundle and not options.proof:
        parser.error("give LOG.zip or --proof")
    try:
        if options.bundle:
            size, heads, key = check_bundle(options.bundle, options.key)
            print(f"good: {size} records, {heads} signed heads of {key.name}")
        if options.proof:
            event, index, size = check_proof(options.proof, options.key, options.txn)
            print(f"good: event {event} is record {index} of {size}")
    except Bad as error:
        sys.exit(f"BAD: {error}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        sys.exit(f"BAD: cannot be read as a log ({type(error).__name__}: {error})")
    if not options.key:
        print("note: checked with the key that the file itself states; compare it with one from elsewhere")


if __name__ == "__main__":
    main()
