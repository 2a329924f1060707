"""What tokens on Ethereum would cost the air, by gas share. Pure.

The share of a transaction in a day's emissions, by the gas it uses: one of two
usual answers (the other goes by fees, and may be twice or half as much). The sum
is the responsibility of a choice; the network burns the same without it.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from ..errors import ParameterError
from .quantity import Range

MERGE = datetime.date(2022, 9, 15)
GAS_PER_MINT = 150_000
"""An ERC-721 mint of the usual kind (assumed; look up your contract's)."""
DAYS = (
    (datetime.date(2021, 3, 15), 1.35e-4),
    (datetime.date(2021, 6, 15), 1.50e-4),
    (datetime.date(2021, 9, 15), 1.58e-4),
    (datetime.date(2021, 10, 7), 1.64e-4),
)
"""kg CO2 per gas: kylemcdonald/ethereum-emissions divided by the day's gas of ethereum-nft-activity."""
SPREAD_BEFORE = (1.17 / 1.64, 2.35 / 1.64)
"""Low and high of the same files for 2021-10-07, as shares of the best."""
AFTER = Range(2.4e-8, 4.4e-8, 7.9e-8)
"""kg CO2 per gas: low CCRI (870 t a year), high CCAF (2.8 kt a year), best their geometric mean."""


@dataclass(frozen=True)
class Mint:
    """An estimate."""

    n_tokens: int
    gas: int  #: of all tokens
    day: str
    kg: Range
    rule: str
    source: str


def mint(n_tokens: int, day: datetime.date, gas_per_token: int = GAS_PER_MINT) -> Mint:
    """Estimate the carbon of minting ``n_tokens`` on a day.

    >>> round(mint(1000, datetime.date(2021, 10, 7)).kg.best / 1000, 1)  # tonnes
    24.6
    """
    if n_tokens < 1 or gas_per_token < 1:
        raise ParameterError(f"{n_tokens} tokens of {gas_per_token} gas: both must be at least 1")
    gas = n_tokens * gas_per_token
    if day >= MERGE:
        return Mint(n_tokens, gas, day.isoformat(), AFTER.times(gas), "gas share, proof of stake", "CCRI, CCAF 2022")
    nearest, best = min(DAYS, key=lambda known: abs(known[0] - day))
    per_gas = Range(best * SPREAD_BEFORE[0], best, best * SPREAD_BEFORE[1])
    source = f"kylemcdonald/ethereum-emissions / ethereum-nft-activity, factor of {nearest.isoformat()}"
    return Mint(n_tokens, gas, day.isoformat(), per_gas.times(gas), "gas share, proof of work", source)
