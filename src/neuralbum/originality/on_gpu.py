"""The shifted lane's multiplication on a GPU: all blocks of the index at once, in half precision."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import numpy.typing as npt

from .spectra import Float

CELLS = 1 << 28  #: similarities held at once


def available() -> bool:
    """Whether there is a GPU; torch is only asked where a driver is installed. ``CUDA_VISIBLE_DEVICES=`` says no."""
    if shutil.which("nvidia-smi") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


class Nearest:
    """Finds the best places for rows of blocks; the same as ``candidates.Nearest``, whose tiles cut a few maxima."""

    def __init__(self, vectors: Float, device: str = "cuda") -> None:
        import torch

        self._kind = torch.float16 if device == "cuda" else torch.float32
        self._references: Any = torch.from_numpy(vectors).to(device, self._kind)

    def __call__(self, rows: Float, kept: int, least: float) -> tuple[Float, npt.NDArray[np.int32]]:
        import torch

        n_places = len(self._references)
        values = np.full((len(rows), kept), least, np.float32)
        places = np.full((len(rows), kept), -1, np.int32)
        step = max(CELLS // max(n_places, 1), 1)
        with torch.inference_mode():
            for low in range(0, len(rows), step):
                part = torch.from_numpy(rows[low : low + step]).to(self._references.device, self._kind)
                similarity = part @ self._references.T
                peak = similarity > least
                peak[:, 1:] &= similarity[:, 1:] > similarity[:, :-1]
                peak[:, :-1] &= similarity[:, :-1] >= similarity[:, 1:]
                n_kept = min(kept, n_places)
                top, at = torch.where(peak, similarity, -torch.inf).topk(n_kept, dim=1)
                found = torch.isfinite(top).cpu().numpy()
                values[low : low + step, :n_kept][found] = top.float().cpu().numpy()[found]
                places[low : low + step, :n_kept][found] = at.cpu().numpy()[found]
        return values, places
