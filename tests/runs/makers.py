"""Clips that are there without a net: short sounds under the names that making them would give."""

from __future__ import annotations

import io

import numpy as np

from neuralbum.audio import write_flac
from neuralbum.audio.encode import Target, encode
from neuralbum.records import Finding, digest

RATE = 44_100


def add_clips(project, model_id, step, numbers, *, gain=1.0, seconds=1.0, at=1.0):
    """Clips of a checkpoint, as ``runs.clips`` leaves them; each step has a pitch of its own."""
    from PIL import Image

    folder = project.artefacts_dir / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    key = digest("clips", model_id, step, list(numbers))
    values, files = [], {}
    for number in numbers:
        t = np.arange(round(seconds * RATE)) / RATE
        tone = gain * 0.2 * np.sin(2 * np.pi * (200 + 10 * step + number % 100) * t)
        flac, opus, webp = (folder / f"{model_id}@{step}.{key[:8]}.{number}.{end}" for end in ("flac", "opus", "webp"))
        write_flac(flac, np.stack([tone, tone]).astype(np.float32), RATE)
        encode(flac, [Target(opus, "opus", 64)])
        flac.unlink()
        out = io.BytesIO()
        Image.new("RGB", (24, 12), (10 * step % 255, 80, 120)).save(out, "WEBP")
        webp.write_bytes(out.getvalue())
        values.append({"number": number, "seconds": seconds})
        files |= {f"{number}.{p.suffix[1:]}": project.relative(p) for p in (opus, webp)}
    subject = f"{model_id}@{step}"
    project.catalogue.record(Finding(key, "clips", 1, subject, {}, {}, {"clips": values}, files, created_at=at))
