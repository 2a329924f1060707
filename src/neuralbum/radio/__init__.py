"""The radio: an endless stream of new music, checked before air, that listens to itself.

    maker -> spool -> programme -> mixer -> finish -> encoder -> segments -> server -> listeners
                                     (one clock: station)                      └── probe, which decodes them again

    params.py     settings                          mixer.py      voices, cross-fades
    maker.py      takes in a process of their own   finish.py     high-pass, mark, limiter
    programme.py  what comes next, and what was     encoding.py   AAC segments; RTMP and Icecast
    station.py    the clock, and who is restarted   playlist.py   the HLS playlist on disk
    children.py   processes that come back          probe.py      what a listener hears
    server.py     page, stream, /health             run.py        the project

Verb: ``serve``.
"""

from __future__ import annotations

from .params import Params
from .run import serve

__all__ = ["serve", "Params"]
