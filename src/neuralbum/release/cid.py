"""Content ids (IPFS CIDs) of files and folders, computed offline.

A file is cut into chunks; each chunk is a block named by its SHA-256; blocks
are linked into a balanced tree of dag-pb nodes, whose root names the file. The
same file has another id under another way of cutting, so the *profile* is
recorded beside each id (names of IPIP-499):

    unixfs-v1-2025   CIDv1, raw leaves, chunks of 1 MiB, 1024 links a node
    unixfs-v0-2015   CIDv0, leaves wrapped in dag-pb, chunks of 256 KiB, 174 links

Formats: UnixFS (github.com/ipfs/specs/blob/main/UNIXFS.md), dag-pb and CIDv1
(ipld.io, github.com/multiformats/cid). Folders are plain, not sharded: fit for
some thousands of entries.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import ParameterError

RAW, DAG_PB = 0x55, 0x70
SHA2_256 = b"\x12\x20"  # code and length of the digest
FILE, DIRECTORY = 2, 1
MAX_FOLDER_BLOCK = 1 << 20
"""Bytes of a folder's node beyond which other tools would shard it and get another id."""

Emit = Callable[[bytes, bytes], None]
"""Told each block: (cid bytes, data)."""


@dataclass(frozen=True)
class Profile:
    """How files are cut and linked."""

    name: str
    chunk: int  #: bytes
    links: int  #: children of a node
    raw_leaves: bool
    version: int  #: of the CID


PROFILES = {
    "unixfs-v1-2025": Profile("unixfs-v1-2025", 1 << 20, 1024, True, 1),
    "unixfs-v0-2015": Profile("unixfs-v0-2015", 1 << 18, 174, False, 0),
}


@dataclass(frozen=True)
class Linked:
    """A finished piece of the tree: what a parent needs to know of it."""

    cid: bytes
    file_size: int  #: bytes of the file beneath it
    dag_size: int  #: bytes of all blocks beneath it and its own

    @property
    def text(self) -> str:
        return cid_text(self.cid)


def profile_of(name: str) -> Profile:
    if name not in PROFILES:
        raise ParameterError(f"profile {name!r} is not known; choose one of {', '.join(PROFILES)}")
    return PROFILES[name]


def cid_of_file(path: Path, profile: str = "unixfs-v1-2025") -> str:
    """The content id of a file."""
    with open(path, "rb") as file:
        return add_file(file, profile_of(profile)).text


def cid_of_bytes(data: bytes, profile: str = "unixfs-v1-2025") -> str:
    return add_file(io.BytesIO(data), profile_of(profile)).text


def add_file(file: BinaryIO, profile: Profile, emit: Emit | None = None) -> Linked:
    """Cut a file, link its chunks, tell ``emit`` each block (children before parents)."""
    level = [_leaf(chunk, profile, emit) for chunk in _chunks(file, profile.chunk)]
    while len(level) > 1:
        level = [_file_node(level[i : i + profile.links], profile, emit) for i in range(0, len(level), profile.links)]
    return level[0]


def add_folder(entries: Mapping[str, Linked], profile: Profile, emit: Emit | None = None) -> Linked:
    """Link named entries into a folder."""
    links = [(name, entries[name]) for name in sorted(entries, key=lambda n: n.encode())]
    block = _pb_node(links, _field(1, DIRECTORY))
    if len(block) > MAX_FOLDER_BLOCK:
        raise ParameterError(f"a folder of {len(links)} entries is too big for one block; split it")
    return _finish(block, DAG_PB, profile, emit, file_size=0, below=sum(e.dag_size for e in entries.values()))


def add_tree(files: Mapping[str, Linked], profile: Profile, emit: Emit | None = None) -> Linked:
    """Link files, named by paths with slashes, into nested folders."""
    here: dict[str, Linked] = {}
    below: dict[str, dict[str, Linked]] = {}
    for path, linked in files.items():
        head, slash, rest = path.partition("/")
        if slash:
            below.setdefault(head, {})[rest] = linked
        else:
            here[head] = linked
    for name, inner in below.items():
        here[name] = add_tree(inner, profile, emit)
    return add_folder(here, profile, emit)


def cid_text(cid: bytes) -> str:
    """CIDv1 in lower-case base32, CIDv0 in base58btc, as people pass them on."""
    if cid[:2] == SHA2_256:
        return _base58(cid)
    return "b" + base64.b32encode(cid).decode("ascii").lower().rstrip("=")


def cid_bytes(text: str) -> bytes:
    """The inverse of ``cid_text`` for the two forms it writes."""
    if text.startswith("Qm") and len(text) == 46:
        number = 0
        for char in text:
            number = number * 58 + _BASE58.index(char)
        return number.to_bytes(34, "big")
    if not text.startswith("b"):
        raise ParameterError(f"{text!r} is not a CIDv0 or a base32 CIDv1")
    return base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))


# ---- leaves and nodes -------------------------------------------------------------


def _chunks(file: BinaryIO, size: int) -> Iterable[bytes]:
    chunk = file.read(size)
    yield chunk  # an empty file is one empty chunk
    while len(chunk) == size:
        chunk = file.read(size)
        if chunk:
            yield chunk


def _leaf(chunk: bytes, profile: Profile, emit: Emit | None) -> Linked:
    if profile.raw_leaves:
        return _finish(chunk, RAW, profile, emit, file_size=len(chunk), below=0)
    unixfs = _field(1, FILE) + (_bytes(2, chunk) if chunk else b"") + _field(3, len(chunk))
    return _finish(_pb_node([], unixfs), DAG_PB, profile, emit, file_size=len(chunk), below=0)


def _file_node(children: list[Linked], profile: Profile, emit: Emit | None) -> Linked:
    size = sum(child.file_size for child in children)
    unixfs = _field(1, FILE) + _field(3, size) + b"".join(_field(4, child.file_size) for child in children)
    block = _pb_node([("", child) for child in children], unixfs)
    return _finish(block, DAG_PB, profile, emit, file_size=size, below=sum(c.dag_size for c in children))


def _finish(block: bytes, codec: int, profile: Profile, emit: Emit | None, *, file_size: int, below: int) -> Linked:
    cid = SHA2_256 + hashlib.sha256(block).digest()
    if profile.version == 1:
        cid = bytes([1, codec]) + cid
    if emit is not None:
        emit(cid, block)
    return Linked(cid, file_size, len(block) + below)


def _pb_node(links: list[tuple[str, Linked]], data: bytes) -> bytes:
    """A dag-pb node; its canonical form has the links (field 2) before the data (field 1)."""
    out = b""
    for name, child in links:
        out += _bytes(2, _bytes(1, child.cid) + _bytes(2, name.encode()) + _field(3, child.dag_size))
    return out + _bytes(1, data)


# ---- protobuf and base58 ------------------------------------------------------------


def varint(value: int) -> bytes:
    """An unsigned LEB128 number."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def _bytes(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _base58(data: bytes) -> str:
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = _BASE58[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out
