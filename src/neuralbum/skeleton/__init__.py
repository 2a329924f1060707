"""The skeleton: the autoregressive net that learns a band's sound, sample by sample.

A net predicts the distribution of the next level (8-bit mu-law at 16 kHz) from
all that came before. The default net has slow tiers of gated linear recurrences
above a small bottom tier that also hears an adaptive forecast; the reference
net is the two-tier SampleRNN of the first neural metal albums.

    presets.py     nets by name                  tiers.py, recurrence.py, head.py   the default net
    songs.py       music as nets hear it         samplernn.py                       the reference
    training.py    truncated backpropagation     stepping.py, engine.py             sampling
    evaluate.py    bits on held-out songs        audition.py                        letting it sing
    likeness.py    statistics of sound           scoring.py                         bits and statistics together
    checkpoint.py  models on disk                states.py                          moments to begin takes with
    conditions.py  what a net may be told         telling.py         what is known of a project's songs
    reins.py       what holds a net that sings    gpu_forecast.py    the forecast of the GPU's engine
    run.py         files and catalogue

Verbs: ``run`` (also called ``train``), ``open_skeleton``, ``find_model``.
"""

from .params import SkeletonParams
from .run import Trained, find_model, open_skeleton, run, train  # light: torch and numba wait inside the functions

__all__ = ["run", "train", "open_skeleton", "find_model", "Trained", "SkeletonParams"]
