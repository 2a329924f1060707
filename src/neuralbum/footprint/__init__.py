"""Energy and carbon: what the album cost the air, with how sure that is.

Every stage enters its time in the catalogue (``stage.activity``), failed and abandoned
work included. This room turns the time into energy and carbon: three numbers each, low,
best and high, and beside each where it comes from.

    factors   ranges; watts and grams per kWh, each with its source
    ledger    activities -> energy -> carbon
    run       the report of a project
"""

from __future__ import annotations

from .params import Params
from .run import Report, run, training_grams

__all__ = ["run", "training_grams", "Params", "Report"]
