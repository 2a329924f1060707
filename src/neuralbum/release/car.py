"""CAR files: blocks in a row, to hand to a pinning service or ``ipfs dag import``.

CARv1 (ipld.io/specs/transport/car/carv1): a header naming the roots, then each
block with its CID. Blocks are written as they are made and each only once; the
header has a fixed length and is filled in at the end, when the roots are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ..errors import ToolError
from .cid import SHA2_256, varint

MAX_SECTION = 4 << 20
"""Bytes: no reader accepts bigger blocks, and no writer here makes them."""


class CarWriter:
    """Write blocks to ``path``; ``n_roots`` CIDs of one version will be the roots.

    >>> with CarWriter(path, n_roots=1, cid_version=1) as car:
    ...     root = add_file(file, profile, emit=car.add)
    ...     car.roots = [root.cid]
    """

    def __init__(self, path: Path, *, n_roots: int, cid_version: int) -> None:
        self.roots: list[bytes] = []
        self._n_roots = n_roots
        self._cid_length = 36 if cid_version == 1 else 34
        self._seen: set[bytes] = set()
        self._file = open(path, "w+b")  # noqa: SIM115  # closed in __exit__
        self._file.write(header([bytes(self._cid_length)] * n_roots))

    def add(self, cid: bytes, data: bytes) -> None:
        """Append a block unless it is there already."""
        if cid in self._seen:
            return
        self._seen.add(cid)
        self._file.write(varint(len(cid) + len(data)) + cid + data)

    def __enter__(self) -> CarWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                if len(self.roots) != self._n_roots or any(len(r) != self._cid_length for r in self.roots):
                    raise ToolError(f"a CAR of {self._n_roots} roots was given {len(self.roots)}")
                self._file.seek(0)
                self._file.write(header(self.roots))
        finally:
            self._file.close()


def header(roots: list[bytes]) -> bytes:
    """The header with its length: dag-cbor of {"roots": [CID…], "version": 1}."""
    links = b"".join(b"\xd8\x2a" + _cbor_head(2, len(cid) + 1) + b"\0" + cid for cid in roots)
    body = b"\xa2" + _cbor_text("roots") + _cbor_head(4, len(roots)) + links + _cbor_text("version") + b"\x01"
    return varint(len(body)) + body


def read_car(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The blocks of a CARv1, each checked against its CID.

    Raises
    ------
    ToolError
        Cut short, or a block is not what its CID says.
    """
    with open(path, "rb") as file:
        length = _read_varint(file)
        if length is None or not file.read(length).startswith(b"\xa2"):
            raise ToolError(f"{path}: not a CAR file")
        while (length := _read_varint(file)) is not None:
            section = file.read(length) if length <= MAX_SECTION else b""
            cid_length = 34 if section[:2] == SHA2_256 else 36
            cid, data = section[:cid_length], section[cid_length:]
            if len(section) != length or cid[-32:] != hashlib.sha256(data).digest():
                raise ToolError(f"{path}: a block is damaged or cut short; write it again with `neuralbum release`")
            yield cid, data


def _read_varint(file: object) -> int | None:
    value = shift = 0
    while byte := file.read(1):  # type: ignore[attr-defined]
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7
        if shift > 35:
            break
    return None


def _cbor_head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes([major << 5 | value])
    if value < 256:
        return bytes([major << 5 | 24, value])
    return bytes([major << 5 | 25]) + value.to_bytes(2, "big")


def _cbor_text(text: str) -> bytes:
    return _cbor_head(3, len(text)) + text.encode()
