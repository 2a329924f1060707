"""musicnn's mean-pooled features (753 numbers a patch) without TensorFlow.

musicnn (Pons & Serra, ISMIR 2019 late-breaking; ISC licence, © Music Technology
Group, Universitat Pompeu Fabra) ships its weights inside its wheel as a TensorFlow
checkpoint. Its own requirements (TensorFlow, NumPy below 1.17) no longer install beside
ours, so the weights are read here directly and the front and middle of the net are
computed in NumPy. Get them with

    pip install --no-deps musicnn==0.1.0        # or: pip download --no-deps musicnn==0.1.0

The checkpoint: ``.index`` is an uncompressed LevelDB table of protocol buffers
(name -> dtype, shape, offset, size), ``.data-00000-of-00001`` the raw float32.

musicnn listens at 16 kHz: it is blind above 8 kHz. Its own extractor casts mel power
to float16 before multiplying by 10 000, which overflows on loud music; here it is float32.
"""

from __future__ import annotations

import importlib.util
import struct
import zipfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..audio import mel, resample
from ..audio.stft import stft
from ..errors import CheckpointError, MissingExtra

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]

RATE, N_FFT, HOP, N_MELS, N_FRAMES = 16_000, 512, 256, 96, 187
N_NUMBERS = 753
EPSILON = 1e-3  #: of TensorFlow's batch normalisation
MODEL = "musicnn/MTT_musicnn/"
TABLE_FOOTER, TABLE_MAGIC = 48, 0xDB4775248B80FB57
DT_FLOAT = 1


def embed(patches: Floats, sample_rate: int, weights: Weights) -> Floats:
    """Float32 (n_patches, n_samples) of about 3 s -> float32 (n_patches, N_NUMBERS)."""
    return np.stack([_pooled(_log_mel(patch, sample_rate), weights) for patch in patches])


def load(place: str) -> Weights:
    """Read the weights from a wheel, an unpacked folder, or (empty) the installed package.

    Raises
    ------
    MissingExtra
        Not installed.
    CheckpointError
        The files are not what they should be.
    """
    index, data = _files(place)
    try:
        return _tensors(index, data)
    except (ValueError, IndexError, struct.error, UnicodeDecodeError) as cause:
        raise CheckpointError(
            f"musicnn's weights in {place or 'the installed package'} are damaged: {cause}"
        ) from cause


class NoMusicnn(MissingExtra):
    """musicnn is not installed; its own requirements must be left out."""

    def __str__(self) -> str:
        return (
            "the musicnn embedding needs musicnn's weights: `pip install --no-deps musicnn==0.1.0` (TensorFlow is "
            "not needed), or set [resemblance] musicnn to its wheel"
        )


# ---- the net -------------------------------------------------------------------


def _log_mel(patch: Floats, sample_rate: int) -> Floats:
    if sample_rate != RATE:
        patch = resample(patch[None], sample_rate, RATE)[0]
    spectrum = stft(patch, N_FFT, HOP)
    power = mel.mel_power(spectrum.real**2 + spectrum.imag**2, mel.mel_filters(RATE, N_FFT, N_MELS, 0.0, RATE / 2))
    frames = np.log10(1.0 + 10_000.0 * power).astype(np.float32)[:N_FRAMES]
    return np.pad(frames, ((0, max(0, N_FRAMES - len(frames))), (0, 0)))


def _pooled(frames: Floats, w: Weights) -> Floats:
    """(T, 96) -> (753,): front end, three dense layers, mean over time."""
    x = _normalise(frames[:, :, None], w, 0)[:, :, 0]
    timbral = [_timbral(x, w, i) for i in (0, 1)]
    temporal = [_temporal(x, w, i) for i in (2, 3, 4)]
    front = np.concatenate([*timbral, *temporal], axis=1)  # (T, 561)
    first = _dense(front, w, 5)
    second = _dense(first, w, 6) + first
    third = _dense(second, w, 7) + second
    return np.concatenate([front, first, second, third], axis=1).mean(axis=0)


def _timbral(x: Floats, w: Weights, layer: int) -> Floats:
    """Filters 7 frames long and most of the spectrum high, the best place of each: (T, n_filters)."""
    taps = w[_name("conv2d", layer, "kernel")][:, :, 0]  # (7, height, n_filters)
    length, height, n = taps.shape
    padded = np.pad(x, ((length // 2, length // 2), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (length, height))  # (T, places, 7, height)
    best: Floats | None = None
    flat = np.ascontiguousarray(taps.reshape(-1, n))
    for place in range(views.shape[1]):
        out = np.ascontiguousarray(views[:, place]).reshape(len(views), -1) @ flat
        out = _normalise(np.maximum(out + w[_name("conv2d", layer, "bias")], 0.0), w, layer + 1)
        best = out if best is None else np.maximum(best, out)
    assert best is not None
    return best


def _temporal(x: Floats, w: Weights, layer: int) -> Floats:
    """Filters along time only, the best band of each: (T, n_filters)."""
    taps = w[_name("conv2d", layer, "kernel")][:, 0, 0]  # (length, n_filters)
    length = len(taps)
    before = (length - 1) // 2  # TensorFlow's "same" padding puts the odd one at the end
    padded = np.pad(x, ((before, length - 1 - before), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, length, axis=0)  # (T, bands, length)
    out = np.ascontiguousarray(views) @ taps  # (T, bands, n_filters)
    return _normalise(np.maximum(out + w[_name("conv2d", layer, "bias")], 0.0), w, layer + 1).max(axis=1)


def _dense(x: Floats, w: Weights, layer: int) -> Floats:
    """Filters 7 frames long over all channels: (T, 64)."""
    taps = w[_name("conv2d", layer, "kernel")][:, :, 0]  # (7, n_channels, 64)
    length, _, n = taps.shape
    padded = np.pad(x, ((length // 2, length // 2), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, length, axis=0)  # (T, n_channels, 7)
    out = np.ascontiguousarray(views.transpose(0, 2, 1)).reshape(len(x), -1) @ taps.reshape(-1, n)
    return _normalise(np.maximum(out + w[_name("conv2d", layer, "bias")], 0.0), w, layer + 1)


def _normalise(x: Floats, w: Weights, layer: int) -> Floats:
    def part(name: str) -> Floats:
        return w[_name("batch_normalization", layer, name)]

    gain = part("gamma") / np.sqrt(part("moving_variance") + EPSILON)
    return (x * gain + (part("beta") - part("moving_mean") * gain)).astype(np.float32)


def _name(kind: str, layer: int, part: str) -> str:
    return f"{kind}{f'_{layer}' if layer else ''}/{part}"


# ---- the checkpoint ------------------------------------------------------------


@lru_cache(maxsize=1)
def _files(place: str) -> tuple[bytes, bytes]:
    names = [f"{MODEL}.index", f"{MODEL}.data-00000-of-00001"]
    try:
        if place.endswith(".whl"):
            with zipfile.ZipFile(place) as wheel:
                index, data = (wheel.read(name) for name in names)
        else:
            folder = Path(place) if place else _installed()
            index, data = ((folder / name).read_bytes() for name in names)
    except (OSError, KeyError, zipfile.BadZipFile) as cause:
        raise CheckpointError(
            f"{place or 'musicnn'}: no musicnn weights there ({cause}); get them with "
            f"`pip download --no-deps musicnn==0.1.0` and set [resemblance] musicnn to the wheel"
        ) from cause
    return index, data


def _installed() -> Path:
    """Where the package lies, without importing it (it would import TensorFlow)."""
    spec = importlib.util.find_spec("musicnn")
    if spec is None or spec.origin is None:
        # its requirements pin TensorFlow and NumPy < 1.17, so the usual hint (an extra) could not be followed
        raise NoMusicnn("the musicnn embedding", "embedding")
    return Path(spec.origin).parent.parent


def _tensors(index: bytes, data: bytes) -> dict[str, Floats]:
    tensors: dict[str, Floats] = {}
    for key, value in _table(index):
        name = key.decode()
        fields = dict(_message(value))
        if not name or "Adam" in name or fields.get(1, 0) != DT_FLOAT:
            continue
        shape = [int(dict(_message(size)).get(1, 0)) for size in _texts(bytes(fields.get(2, b"")), 2)]
        offset, size = int(fields.get(4, 0)), int(fields[5])
        if offset + size > len(data):
            raise ValueError(f"{name} lies beyond the end of the data")
        tensors[name.removeprefix("model/")] = np.frombuffer(data, "<f4", size // 4, offset).reshape(shape)
    return tensors


def _table(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a LevelDB table without compression."""
    if len(table) < TABLE_FOOTER or struct.unpack("<Q", table[-8:])[0] != TABLE_MAGIC:
        raise ValueError("no LevelDB table")
    footer = table[-TABLE_FOOTER:]
    at = 0
    _, at = _varint(footer, at)  # the meta index: offset, size
    _, at = _varint(footer, at)
    offset, at = _varint(footer, at)
    size, at = _varint(footer, at)
    for _, handle in _block(table[offset : offset + size]):
        start, at = _varint(handle, 0)
        length, _ = _varint(handle, at)
        if table[start + length] != 0:
            raise ValueError("a compressed block")
        yield from _block(table[start : start + length])


def _block(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of one block: keys share prefixes with the one before."""
    n_restarts = struct.unpack("<I", block[-4:])[0]
    end = len(block) - 4 * (n_restarts + 1)
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        at += own
        yield key, block[at : at + length]
        at += length


def _message(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The (field number, value) pairs of a protocol buffer."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:
                number, at = _varint(message, at)
                yield tag >> 3, number
            case 2:
                length, at = _varint(message, at)
                yield tag >> 3, message[at : at + length]
                at += length
            case 5:
                yield tag >> 3, struct.unpack("<I", message[at : at + 4])[0]
                at += 4
            case 1:
                yield tag >> 3, struct.unpack("<Q", message[at : at + 8])[0]
                at += 8
            case kind:
                raise ValueError(f"wire type {kind}")


def _texts(message: bytes, field: int) -> list[bytes]:
    """The values of a repeated field that holds bytes."""
    return [value for tag, value in _message(message) if tag == field and isinstance(value, bytes)]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
