"""The fingerprint index of a discography: one safetensors file, refused when it is not what it says.

What it holds, and what that weighs in an hour of music:

* ``postings``, ``bucket_start``: pairs of peaks in order of their hash, some
  340 a second, 4 bytes each (4.9 MB)
* ``peaks``: the 45 strongest peaks of each second, frame << 8 | bin (0.65 MB)
* ``bands``: int8 whitened band frames, 32 numbers each (1.8 MB)
* ``chroma``: int8 pitch classes (0.11 MB)
* ``tones``, ``block_mean``, ``block_axes``: the axes on which frames and blocks of frames are
  whitened (Karhunen–Loève); learned from the music itself, stored so that queries use the same
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import IndexFileError, ParameterError
from ..kernels import landmarks
from . import fingerprints
from .fingerprints import Fingerprint, Float

HEADER = "neuralbum fingerprint index"
VERSION = 3

PEAKS_PER_SECOND = 45
FAN_OUT = 8  #: pairs per peak of a track: some 340 hashes a second
QUERY_FAN_OUT = 16  #: a query keeps all its peaks, so the partner may stand further down the line

N_TONES = 32  #: axes of a whitened band frame
BLOCK_FRAMES = 16  #: 1.02 s
BLOCK_AXES = 128
AXES_SAMPLE = 6000  #: blocks and frames the axes are learned from
SHRINK = 0.02  #: share of the mean variance added to every axis, for short indexes


@dataclass(frozen=True)
class IndexedTrack:
    """One track's place in the arrays."""

    name: str
    duration_s: float
    source: str  #: digest of what was indexed
    frame: int  #: first peak frame on the common time line of the postings
    n_frames: int
    band: int
    n_bands: int
    peak: int
    n_peaks: int
    chroma: int
    n_chroma: int


@dataclass(frozen=True)
class Index:
    """An open index."""

    tracks: tuple[IndexedTrack, ...]
    arrays: Mapping[str, npt.NDArray[Any]]
    nulls: Mapping[str, Any]  #: what chance looks like here: lane -> parameters; see ``null_distribution``
    digest: str
    size: int = 0  #: bytes of the file

    @property
    def duration_s(self) -> float:
        return sum(track.duration_s for track in self.tracks)

    def bands(self, number: int) -> npt.NDArray[np.int8]:
        track = self.tracks[number]
        return self.arrays["bands"][track.band : track.band + track.n_bands]

    def peaks(self, number: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """(frame, bin) of a track's strongest peaks."""
        track = self.tracks[number]
        packed = self.arrays["peaks"][track.peak : track.peak + track.n_peaks]
        return (packed >> 8).astype(np.int32), (packed & 255).astype(np.int32)

    def chroma(self, number: int) -> Float:
        track = self.tracks[number]
        chroma: Float = self.arrays["chroma"][track.chroma : track.chroma + track.n_chroma].astype(np.float32)
        return chroma / np.float32(127)

    def hashes_per_second(self) -> float:
        return self.arrays["postings"].size / max(self.duration_s, 1e-9)


# ---- building ------------------------------------------------------------------


def gather(named: Sequence[tuple[str, str, Fingerprint]]) -> Index:
    """Put analysed tracks, given as (name, source digest, fingerprint), into one index, in memory.

    Raises
    ------
    ParameterError
        No track, or none of them holds a second of sound.
    """
    if not any(len(fingerprint.bands) >= BLOCK_FRAMES for _, _, fingerprint in named):
        raise ParameterError(
            f"{len(named)} tracks to index, none of them longer than a second: nothing to compare with"
        )
    tones = fit_frame_axes([fingerprint.bands for _, _, fingerprint in named])
    tracks, bands, peaks, chroma, hashes, postings = [], [], [], [], [], []
    frame = band = peak = place = 0
    for name, source, one in named:
        strong = fingerprints.strongest(one.peaks, PEAKS_PER_SECOND)
        value, anchor = landmarks.pairs(strong.frame, strong.bin, FAN_OUT)
        hashes.append(value)
        postings.append(anchor.astype(np.int64) + frame)
        peaks.append((strong.frame.astype(np.uint32) << np.uint32(8)) | strong.bin.astype(np.uint32))
        bands.append(np.rint(whiten(one.bands, tones) * 127).astype(np.int8))
        # Chroma is scaled by its maximum: its absolute level means nothing.
        chroma.append(np.rint(one.chroma * (127 / max(float(one.chroma.max(initial=0)), 1e-6))).astype(np.int8))
        n_frames, n_bands, n_peaks, n_chroma = one.peaks.n_frames, len(bands[-1]), len(peaks[-1]), len(chroma[-1])
        tracks.append(
            IndexedTrack(name, one.duration_s, source, frame, n_frames, band, n_bands, peak, n_peaks, place, n_chroma)
        )
        frame += n_frames + landmarks.MAX_STEP_FRAMES
        band, peak, place = band + n_bands, peak + n_peaks, place + n_chroma
    if frame > landmarks.FRAME_MASK:
        hours = frame / fingerprints.PEAK_RATE / 3600
        raise ParameterError(f"{hours:.0f} hours of music do not fit one index; make two")
    mean, axes = fit_block_axes([row for row in bands if len(row) >= BLOCK_FRAMES])
    arrays: dict[str, npt.NDArray[Any]] = {
        **_hash_table(np.concatenate(hashes), np.concatenate(postings)),
        "peaks": np.concatenate(peaks).astype(np.uint32),
        "bands": np.concatenate(bands),
        "chroma": np.concatenate(chroma),
        "tones": tones,
        "block_mean": mean,
        "block_axes": axes.astype(np.float16),
    }
    return Index(tuple(tracks), arrays, {}, _digest(tracks, arrays))


def _hash_table(value: npt.NDArray[np.uint32], frame: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.uint32]]:
    """Postings in order of their hash, and where the postings of each bucket of hashes start."""
    order = np.lexsort((frame, value))
    value, frame = value[order], frame[order]
    low = value & np.uint32((1 << landmarks.LOW_BITS) - 1)
    starts = np.searchsorted(value >> landmarks.LOW_BITS, np.arange(landmarks.N_BUCKETS + 1))
    return {
        "postings": (low << np.uint32(landmarks.FRAME_BITS)) | frame.astype(np.uint32),
        "bucket_start": starts.astype(np.uint32),
    }


def fit_frame_axes(bands: Sequence[Float]) -> Float:
    """Axes that whiten a band frame: (N_BANDS, N_TONES)."""
    frames = _sample([row for row in bands if len(row)], AXES_SAMPLE * 4)
    covariance = frames.T @ frames / len(frames)
    values, vectors = np.linalg.eigh(
        covariance + np.eye(len(covariance)) * SHRINK * np.trace(covariance) / len(covariance)
    )
    kept = slice(None, -N_TONES - 1, -1)
    return (vectors[:, kept] / np.sqrt(values[kept])).astype(np.float32)


def whiten(bands: Float, tones: Float) -> Float:
    """Band frames on the whitening axes, rows of length 1 (0 where silent)."""
    turned = bands @ tones
    length = np.sqrt(np.einsum("ij,ij->i", turned, turned))
    return turned * np.where(length > 1e-3, 1 / np.maximum(length, 1e-6), 0.0)[:, None].astype(np.float32)


def fit_block_axes(bands: Sequence[npt.NDArray[np.int8]]) -> tuple[Float, Float]:
    """Mean and whitening axes of blocks of whitened frames: (d,), (d, BLOCK_AXES)."""
    every = max(sum(len(row) for row in bands) // AXES_SAMPLE, 1)
    sample = np.concatenate([stack(to_unit(row), every) for row in bands])
    mean = sample.mean(axis=0)
    centred = sample - mean
    covariance = centred.T @ centred / len(sample)
    values, vectors = np.linalg.eigh(
        covariance + np.eye(len(covariance)) * SHRINK * np.trace(covariance) / len(covariance)
    )
    kept = slice(None, -BLOCK_AXES - 1, -1)
    return mean.astype(np.float32), (vectors[:, kept] / np.sqrt(values[kept])).astype(np.float32)


def to_unit(bands: npt.NDArray[np.int8]) -> Float:
    """Stored whitened frames as numbers again, rows of length about 1."""
    unit: Float = bands.astype(np.float32)
    unit *= np.float32(1 / 127)
    return unit


def stack(frames: Float, step: int = 1) -> Float:
    """Blocks of BLOCK_FRAMES frames, one every ``step`` frames, each as one long row."""
    if len(frames) < BLOCK_FRAMES:
        return np.zeros((0, BLOCK_FRAMES * frames.shape[1]), np.float32)
    view = np.lib.stride_tricks.sliding_window_view(frames, BLOCK_FRAMES, axis=0)[::step]
    return np.ascontiguousarray(view.transpose(0, 2, 1)).reshape(len(view), -1)


def blocks(frames: Float, mean: Float, axes: Float, step: int = 1) -> Float:
    """Whitened blocks of frames, rows of length 1: (n, BLOCK_AXES)."""
    n = max((len(frames) - BLOCK_FRAMES) // step + 1, 0)
    axes = axes.astype(np.float32)
    out = np.empty((n, axes.shape[1]), np.float32)
    for start in range(0, n, 2048):
        stop = min(start + 2048, n)
        piece = frames[start * step : (stop - 1) * step + BLOCK_FRAMES]
        out[start:stop] = (stack(piece, step) - mean) @ axes
    length = np.sqrt(np.einsum("ij,ij->i", out, out))
    out *= (1 / np.maximum(length, 1e-6))[:, None]
    return out


def _sample(rows: Sequence[Float], n: int) -> Float:
    every = max(sum(len(row) for row in rows) // n, 1)
    return np.concatenate([row[::every] for row in rows])


def _digest(tracks: Sequence[IndexedTrack], arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    state = hashlib.blake2b(digest_size=10)
    state.update(json.dumps([asdict(track) for track in tracks], sort_keys=True).encode())
    for name in sorted(arrays):
        state.update(name.encode())
        state.update(np.ascontiguousarray(arrays[name]).data)
    return state.hexdigest()


# ---- the file ------------------------------------------------------------------


def write(index: Index, path: Path) -> Index:
    """Write an index whole or not at all; returns it as it lies on disk."""
    from safetensors.numpy import save_file

    from ..project import atomic

    about = {"version": VERSION, "digest": index.digest, "nulls": index.nulls}
    about["tracks"] = [asdict(track) for track in index.tracks]
    arrays = {name: np.ascontiguousarray(array) for name, array in index.arrays.items()}
    with atomic(path) as part:
        save_file(arrays, part, metadata={HEADER: json.dumps(about)})
    return replace(index, size=path.stat().st_size)


def read(path: Path | str, *, thorough: bool = False) -> Index:
    """Open an index; ``thorough`` compares its digest.

    Raises
    ------
    IndexFileError
        Missing, foreign, truncated, of another version, or (thorough) damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    again = "make it again with `neuralbum originality index`"
    try:
        size = path.stat().st_size
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})[HEADER])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if about["version"] != VERSION:
            raise IndexFileError(f"{path}: version {about['version']}, this neuralbum reads {VERSION}; {again}")
        tracks = tuple(IndexedTrack(**track) for track in about["tracks"])
        index = Index(tracks, arrays, about["nulls"], about["digest"], size)
    except OSError as cause:
        raise IndexFileError(f"{path}: cannot be read ({cause.strerror or cause}); {again}") from cause
    except (SafetensorError, KeyError, TypeError, ValueError) as cause:
        raise IndexFileError(
            f"{path}: is no fingerprint index, or cut short, or of neuralbum 0.1 ({cause}); {again}"
        ) from cause
    if thorough and _digest(tracks, arrays) != index.digest:
        raise IndexFileError(f"{path}: does not match its digest, so it is damaged; {again}")
    return index
