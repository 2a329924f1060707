"""Generate: recipes in, takes out.

A take's recipe names the model, the seed and number of its random streams, its
temperature, length, and which bar of which of the band's songs it begins like. Takes
are played many at a time; each depends on its own recipe alone.

    streams.py   random numbers, temperatures     planning.py  how a take begins, its form and tempo
    playing.py   the skeleton hears itself        watchdog.py  what a take can suffer from
    making.py    from recipes to sound            opening.py   models of a project
    run.py       claims, files and catalogue

Verbs: ``run`` (make the takes of a project), ``render`` (the sound of one recipe, bit for bit),
``sample`` (the same takes without storing them).
"""

from __future__ import annotations

from .params import GenerateParams
from .run import plan, recipes, render, run, sample

__all__ = ["run", "render", "sample", "recipes", "plan", "GenerateParams"]
