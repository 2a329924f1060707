"""Make one song's audio files: mark, encode, tag, sign, in that order (signing is over the tagged bytes).

``make_song`` runs in a worker thread and shares nothing: records in, digests
out, files written under their part names; the press gives them their real ones.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..audio import Audio, read
from ..audio.loudness import measure
from ..errors import ToolError
from ..marking import LOWEST_RATE, Payload, mark
from ..project.stage import file_digest
from .encode import encode
from .provenance import Claim, Signer, sign
from .tags import Cover, Tags, make_cover, write_tags

VERSION = 1
"""Raise when the same take would be encoded to other bytes."""


@dataclass(frozen=True)
class Output:
    """One file to make."""

    path: str  #: in the album
    kind: str
    part: Path
    key: str
    sound: str
    kbps: int
    untagged: Path | None = None  #: a file that holds this very sound already; only its tags are old


@dataclass(frozen=True)
class SongJob:
    """Everything a worker needs to make one song's files."""

    take_id: str
    source: Path
    outputs: tuple[Output, ...]
    tags: Tags
    cover: Path | None = None  #: a picture file
    signer: Signer | None = None
    claim: Claim | None = None
    payload: Payload | None = None  #: None: the sound is not marked


def make_song(job: SongJob) -> list[tuple[Output, str]]:
    """Write the parts; returns each output with its SHA-256."""
    audio: tuple[Audio, int] | None = None
    cover = _cover(job.cover)
    made = []
    for output in job.outputs:
        if output.untagged is not None:
            shutil.copyfile(output.untagged, output.part)
        else:
            if audio is None and (output.kind != "flac" or job.payload is not None):
                audio = read_marked(job.source, job.payload)
            encode(job.source, output.part, output.kind, kbps=output.kbps, audio=audio, changed=job.payload is not None)
        write_tags(output.part, output.kind, job.tags, cover)
        if job.signer is not None and job.claim is not None:
            sign(output.part, output.kind, job.claim, job.signer)
        made.append((output, file_digest(output.part)))
    return made


def read_marked(source: Path, payload: Payload | None) -> tuple[Audio, int]:
    """The song as it is released; what is sampled at less than LOWEST_RATE cannot carry a mark and stays as it is."""
    audio, rate = read(source)
    return (audio if payload is None or rate < LOWEST_RATE else mark(audio, rate, payload)), rate


def _cover(picture: Path | None) -> Cover | None:
    """The cover to embed; a poster that cannot be read is no reason to leave a song out."""
    if picture is None:
        return None
    try:
        return make_cover(picture)
    except ToolError:
        return None


def measure_loudness(source: Path) -> tuple[float | None, float | None]:
    """(integrated loudness in LUFS, true peak in dBTP) of a file, None where there is too little sound."""
    found = measure(*read(source))
    return found.integrated_lufs, found.true_peak_db
