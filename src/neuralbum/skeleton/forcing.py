"""Samples a net draws while it is shown the real past: what its one-step errors sound like, aligned with the original.

Whoever repairs a skeleton's sound (the flesh) can learn from them, since the true
sample is known for each. The whole song is one parallel forward pass, window by
window, with the state carried; only the draws are sequential in nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..dsp import front_end
from ..errors import ParameterError
from ..kernels import step_head
from . import head
from .evaluate import anchor_of
from .songs import Song, windows_of

if TYPE_CHECKING:
    from .presets import Net
    from .tiers import Tiers

WINDOW = 4096


def forced_samples(
    net: Net,
    song: Song,
    *,
    uniforms: npt.NDArray[np.floating] | None,
    temperatures: npt.NDArray[np.floating] | float = 1.0,
    window: int = WINDOW,
) -> npt.NDArray[np.float32]:
    """One amplitude for each sample of a song, given the true past of each.

    Parameters
    ----------
    uniforms : (n_samples,) in [0, 1), or None
        The dice each sample is drawn with; None takes the expected amplitude instead,
        the estimate of the sample with the smallest squared error.
    temperatures : (n_samples,) or one number > 0
        Hotter draws are noisier.

    Returns
    -------
    float32 (n_samples,) in [−1, 1]; the same for any ``window`` but for rounding.

    Raises
    ------
    ParameterError
        Not one die for each sample, or a temperature that is not positive.
    """
    n, n_levels, device = len(song.levels), net.config.n_levels, next(net.parameters()).device
    if uniforms is not None and len(uniforms) != n:
        raise ParameterError(f"uniforms has {len(uniforms)} numbers, the song {n} samples: one for each")
    heat = np.broadcast_to(np.asarray(temperatures, dtype=np.float32), (n,))
    if not (heat > 0).all():
        raise ParameterError(f"temperature={heat.min()} must be > 0")
    window = max(net.hop, window // net.hop * net.hop)
    spare = -n % window
    silence = np.full(spare, front_end.silent_level(n_levels), dtype=np.int16)
    whole = Song(song.title, np.concatenate([song.levels, silence]))
    heat = np.pad(heat, (0, spare), constant_values=1.0)
    dice = np.pad(np.full(n, 0.5) if uniforms is None else np.asarray(uniforms, np.float64), (0, spare))
    out = np.empty(len(whole.levels), dtype=np.float32)
    was_training = net.training
    net.eval()
    state, at = net.begin(1), 0
    with torch.no_grad():
        for part in windows_of(whole, window=window, context=net.context, n_levels=n_levels, anchor=anchor_of(net)):
            features = torch.from_numpy(part.features).to(device)
            raw, state = net(torch.from_numpy(part.levels).to(device), features, state)
            cut = slice(at, at + window)
            level, mean = _draw(net, raw[0], features[0, net.context :], heat[cut], dice[cut])
            out[cut] = mean if uniforms is None else front_end.amplitudes_of(level, n_levels)
            at += window
    net.train(was_training)
    return out[:n]


def _draw(
    net: Net, raw: Tensor, features: Tensor, temperatures: npt.NDArray[np.float32], uniforms: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float32]]:
    """(levels, expected amplitudes) of raw outputs (n, …): five times faster by the kernel, where it applies."""
    amplitudes = front_end.amplitudes_of(np.arange(net.config.n_levels), net.config.n_levels)
    if net.uses_forecast and raw.device.type == "cpu" and raw.dtype == torch.float32:
        tiers = cast("Tiers", net)
        levels, expected = np.empty(len(raw), np.int16), np.empty(len(raw), np.float32)
        draw_rows: Any = step_head.draw_rows  # numba's dispatcher
        edges = step_head.bordered(tiers.edges.numpy())
        draw_rows(
            raw.contiguous().numpy(), features.contiguous().numpy(), edges, *head.TIES, temperatures, uniforms,
            amplitudes, levels, expected,
        )  # fmt: skip
        return levels, expected
    log_p = net.scores(raw, features).double()
    heat = torch.from_numpy(temperatures.astype(np.float64)).to(raw.device)
    cdf = (log_p / heat[:, None]).softmax(-1).cumsum(-1)
    wanted = torch.from_numpy(uniforms).to(raw.device)[:, None] * cdf[:, -1:]
    level = torch.searchsorted(cdf, wanted, right=True).clamp_(max=net.config.n_levels - 1)[:, 0]
    mean = log_p.exp() @ torch.from_numpy(amplitudes).double().to(raw.device)
    return level.cpu().numpy().astype(np.int16), mean.float().cpu().numpy()
