"""Resemblance: does the album's spread of styles match the band's, or has the model collapsed into one thing?

The article's hardest question about a thousand-song album. A net that found one
comfortable sound makes good single songs and a dull album; a net that is lost
makes anything but the band. So two clouds of points are compared, patches of the
band and patches of the album: how far apart (Fréchet distance, beside its *floor*, what two halves of the
band itself measure), how much of the band is reached (coverage), how wide (spread, effective number of styles), which
songs are odd, and whether tempo, loudness, brightness and key are spread alike. *Likeness* asks first and more
plainly: number by number, does the music behave as the band's does, and can the two be told apart?

    style.py      one song's patches as points, and its tempo, loudness, brightness and key
    distances.py  how far apart two clouds are
    width.py      the album against the band;  picture.py, report.html.j2  drawn and told
    likeness/     beat, tone, form, level, width and steadiness, measure by measure, and a two-sample test
    findings.py   styles and measures of each track and take, measured once
    run.py        a project's album against its corpus
    label_suggestions.py  labels for tracks, from the takes that sound like them
"""

from __future__ import annotations

from .label_suggestions import suggest
from .run import run

__all__ = ["run", "suggest"]
