"""The flesh: from a skeleton's 16 kHz mono to 44.1 kHz stereo.

A skeleton samples quantised low-rate mono, because every sample costs. The
flesh adds what is missing: it takes the quantiser's and the sampling's noise
away, adds the band above 8 kHz, and width. It learns both from the band's own
stereo recordings.

    params.py       settings and presets          spectrum.py, net.py   the generator
    pairs.py        what it learns from           losses.py, discriminators.py, trainer.py   how
    scores.py       how well, on held-out songs   stream.py, fleshing.py   using it, block by block
    checkpoint.py   models on disk                run.py                files and catalogue

Verbs: ``run`` (flesh takes), ``train``, ``open_flesh``, ``flesh_blocks``, ``find_model``.
"""

from .fleshing import Flesh, flesh_blocks, open_flesh
from .params import FleshParams
from .run import Trained, find_model, run, train  # light: torch waits inside the functions

__all__ = ["run", "train", "open_flesh", "flesh_blocks", "find_model", "Flesh", "FleshParams", "Trained"]
