"""The net in NumPy against torch, and its weights read from a checkpoint."""

from __future__ import annotations

import struct
import zipfile

import numpy as np
import pytest

from neuralbum.errors import CheckpointError, MissingExtra
from neuralbum.resemblance import mfcc, musicnn

SHAPES = {0: (7, 38, 204), 1: (7, 67, 204), 2: (128, 1, 51), 3: (64, 1, 51), 4: (32, 1, 51)}
SHAPES |= {5: (7, 561, 64), 6: (7, 64, 64), 7: (7, 64, 64)}


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights of the net's shapes."""
    rng = np.random.default_rng(seed)
    made = {}
    for layer, (length, height, n) in SHAPES.items():
        made[musicnn._name("conv2d", layer, "kernel")] = rng.normal(
            0, 1 / np.sqrt(length * height), (length, height, 1, n)
        )
        made[musicnn._name("conv2d", layer, "bias")] = rng.normal(0, 0.1, n)
    for layer in range(9):
        n = 1 if layer == 0 else SHAPES[layer - 1][2]
        for part, low, high in (
            ("gamma", 0.5, 1.5),
            ("beta", -0.2, 0.2),
            ("moving_mean", -0.2, 0.2),
            ("moving_variance", 0.5, 2),
        ):
            made[musicnn._name("batch_normalization", layer, part)] = rng.uniform(low, high, n)
    return {name: value.astype(np.float32) for name, value in made.items()}


def by_torch(frames: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """The same net, as its authors wrote it, on torch's convolutions."""
    import torch
    from torch.nn import functional as F

    def get(kind, layer, part):
        return torch.from_numpy(w[musicnn._name(kind, layer, part)])

    def normalise(x, layer):
        parts = [get("batch_normalization", layer, p) for p in ("moving_mean", "moving_variance", "gamma", "beta")]
        return F.batch_norm(x, *parts, eps=musicnn.EPSILON)

    def convolve(x, layer, pad):
        kernel = get("conv2d", layer, "kernel").permute(3, 2, 0, 1)
        return normalise(F.relu(F.conv2d(F.pad(x, pad), kernel, get("conv2d", layer, "bias"))), layer + 1)

    x = normalise(torch.from_numpy(frames)[None, None], 0)  # (1, 1, T, 96)
    front = [convolve(x, layer, (0, 0, 3, 3)).amax(3) for layer in (0, 1)]
    for layer in (2, 3, 4):
        length = SHAPES[layer][0]
        before = (length - 1) // 2
        front.append(convolve(x, layer, (0, 0, before, length - 1 - before)).amax(3))
    layers = [torch.cat(front, 1)]  # (1, C, T)
    for layer in (5, 6, 7):
        out = convolve(layers[-1].permute(0, 2, 1)[:, None], layer, (0, 0, 3, 3))[..., 0]
        layers.append(out + layers[-1] if layer > 5 else out)
    return torch.cat(layers, 1).mean(2)[0].numpy()


def test_the_net_agrees_with_torch():
    w = weights()
    frames = np.random.default_rng(1).uniform(0, 4, (40, 96)).astype(np.float32)
    ours, theirs = musicnn._pooled(frames, w), by_torch(frames, w)
    assert ours.shape == (musicnn.N_NUMBERS,)
    assert ours == pytest.approx(theirs, abs=2e-4)


# ---- the checkpoint ---------------------------------------------------------------


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A LevelDB block whose keys share their prefixes."""
    out, last = b"", b""
    for key, value in entries:
        shared = next((i for i in range(min(len(key), len(last))) if key[i] != last[i]), min(len(key), len(last)))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    return out + struct.pack("<II", 0, 1)


def checkpoint(tensors: dict[str, np.ndarray]) -> tuple[bytes, bytes]:
    """``.index`` and ``.data`` as TensorFlow writes them."""
    data, entries = b"", [(b"", b"\x08\x01")]
    for name, tensor in sorted(tensors.items()):
        shape = b"".join(field(2, field(1, n)) for n in tensor.shape)
        value = field(1, 1) + field(2, shape) + field(4, len(data)) + field(5, tensor.nbytes)
        entries.append((f"model/{name}".encode(), value + varint(6 << 3 | 5) + b"\0\0\0\0"))
        data += tensor.astype("<f4").tobytes()
    body = block(entries)
    table = body + b"\0" + b"\0\0\0\0"
    index = block([(b"z", varint(0) + varint(len(body)))])
    handle = varint(0) + varint(0) + varint(len(table)) + varint(len(index))
    return table + index + b"\0" * 5 + handle.ljust(40, b"\0") + struct.pack("<Q", musicnn.TABLE_MAGIC), data


@pytest.fixture
def wheel(tmp_path):
    """A wheel with two tensors, one of them an optimiser's."""
    tensors = {"conv2d/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "conv2d/kernel/Adam": np.zeros(9)}
    path = tmp_path / "musicnn.whl"
    index, data = checkpoint(tensors)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("musicnn/MTT_musicnn/.index", index)
        archive.writestr("musicnn/MTT_musicnn/.data-00000-of-00001", data)
    return path


def test_weights_are_read_from_a_wheel_without_the_optimisers_slots(wheel):
    found = musicnn.load(str(wheel))
    assert list(found) == ["conv2d/kernel"]
    assert (found["conv2d/kernel"] == np.arange(24).reshape(2, 3, 4)).all()


def test_a_wheel_without_weights_says_how_to_get_them(tmp_path):
    path = tmp_path / "other.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(CheckpointError, match="pip download --no-deps musicnn"):
        musicnn.load(str(path))


def test_a_damaged_index_is_named(tmp_path):
    folder = tmp_path / "musicnn" / "MTT_musicnn"
    folder.mkdir(parents=True)
    (folder / ".index").write_bytes(b"x" * 100)
    (folder / ".data-00000-of-00001").write_bytes(b"")
    with pytest.raises(CheckpointError, match="no LevelDB table"):
        musicnn.load(str(tmp_path))


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="pip install --no-deps musicnn"):
        musicnn.load("")


def test_loud_music_gives_finite_numbers():
    patch = np.random.default_rng(0).uniform(-1, 1, (1, 16_000)).astype(np.float32)
    assert np.isfinite(musicnn._log_mel(patch[0], 16_000)).all()


def test_plain_patches_differ_by_what_sounds_different():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (2, 16_000)).astype(np.float32)
    tone = (0.3 * np.sin(np.arange(16_000) * 0.2)).astype(np.float32)[None]
    points = mfcc.embed(np.concatenate([noise, tone]), 16_000)
    assert points.shape == (3, mfcc.N_NUMBERS)
    assert np.abs(points[0] - points[1]).mean() < 0.1 * np.abs(points[0] - points[2]).mean()
