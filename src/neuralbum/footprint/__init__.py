"""The energy and carbon ledger: what the album cost the air, with how sure that is.

Every stage enters its time (``stage.activity``), failed and abandoned work
included. This room turns the time into energy and carbon: three numbers each, low,
best and high, and beside each where it comes from. Offsets are kept apart and
never subtracted; what a mint on Ethereum would add is an estimate of its own.

    quantity  numbers with units, and ranges
    factors   watts, grams per kWh, kilograms per gas, each with its source
    ledger    activities -> energy -> carbon
    offsets   what was bought, append-only
    mint      what tokens cost, before and after the Merge
"""

from __future__ import annotations

from .params import Params
from .run import Report, bring_in, card, run

__all__ = ["run", "card", "bring_in", "Params", "Report"]
