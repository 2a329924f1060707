from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralbum.cli.footprint import show_energy, show_mass
from neuralbum.errors import ParameterError
from neuralbum.footprint import Params, ledger
from neuralbum.footprint.factors import Range, accelerator, grid
from neuralbum.footprint.ledger import kg_of, kwh
from neuralbum.records import Activity

PLAIN = Params(g_per_kwh=500.0, grid_spread=0.0, pue=(1.0, 1.0, 1.0), core_watts=(10.0, 10.0, 10.0))
numbers = st.floats(1e-6, 1e9)


def activity(cpu_s: float = 0.0, **more) -> Activity:
    return Activity("generate", 0.0, more.pop("wall_s", cpu_s), cpu_s, **more)


def test_a_kilowatt_for_an_hour_is_one_kilowatt_hour():
    assert kwh(1000.0, 3600.0) == pytest.approx(1.0)
    assert kwh(10.0, 3600.0) == pytest.approx(0.01)


def test_one_kilowatt_hour_at_500_grams_is_half_a_kilogram_not_500():
    assert kg_of(1.0, 500.0) == pytest.approx(0.5)


def test_a_known_piece_of_work_costs_what_one_works_out_by_hand():
    """100 core hours at 10 W are 1 kWh; at 500 g/kWh that is half a kilogram."""
    line = ledger.entry_of(activity(cpu_s=360_000.0), PLAIN)
    assert line.kwh == Range(1.0, 1.0, 1.0)
    assert line.kg.best == pytest.approx(0.5)


def test_the_building_multiplies_and_ranges_multiply_end_by_end():
    params = Params(g_per_kwh=400.0, grid_spread=0.25, pue=(1.0, 1.5, 2.0), core_watts=(5.0, 10.0, 20.0))
    kg = ledger.entry_of(activity(cpu_s=360_000.0), params).kg
    assert (kg.low, kg.best, kg.high) == pytest.approx((0.5 * 1.0 * 0.3, 1.0 * 1.5 * 0.4, 2.0 * 2.0 * 0.5))


@pytest.mark.parametrize(("name", "amount"), [("energy_kwh", 2.0), ("energy_wh", 2000.0)])
def test_measured_energy_is_taken_as_it_is_in_either_unit(name, amount):
    line = ledger.entry_of(activity(cpu_s=1e6, detail={name: amount, "tool": "a meter"}), PLAIN)
    assert line.kwh == Range(2.0, 2.0, 2.0)
    assert line.methods == ("measured (a meter)",)


def test_an_accelerator_counts_while_it_is_held():
    held = activity(cpu_s=0.0, device="cuda", device_s=3600.0, detail={"device_name": "NVIDIA H100 80GB"})
    drawn, method = ledger.energy(held, PLAIN)
    assert (drawn.low, drawn.best, drawn.high) == pytest.approx((0.28, 0.525, 0.7))
    assert "accelerator" in method
    assert "unknown" in accelerator("cuda", Params()).source
    assert accelerator("cuda", Params(accelerator="A100")).value.high == 400
    assert accelerator("cuda", Params(accelerator_watts=100.0)).value.high == 100


def test_failed_work_counts_like_any_other():
    lines = ledger.by_stage([activity(3600.0, n_done=1), activity(3600.0, n_failed=3)], PLAIN)
    assert lines["generate"].kwh.best == pytest.approx(0.02)
    assert (lines["generate"].n_done, lines["generate"].n_failed) == (1, 3)
    assert ledger.total(lines).kwh == lines["generate"].kwh


@given(st.lists(st.tuples(numbers, numbers), max_size=8))
def test_low_never_exceeds_best_nor_best_high(work):
    lines = ledger.by_stage([activity(cpu, device="cuda", device_s=gpu) for cpu, gpu in work], Params())
    kg = ledger.total(lines).kg
    assert 0 <= kg.low <= kg.best <= kg.high


def test_people_are_shown_fitting_units():
    assert (show_mass(0.0058), show_mass(12.34), show_mass(25_100.0)) == ("5.8 g", "12.3 kg", "25.1 t")
    assert (show_energy(0.012), show_energy(3.42), show_energy(1234.0)) == ("12 Wh", "3.42 kWh", "1.23 MWh")


def test_the_regions_electricity_has_source_and_year():
    germany = grid(Params(region="deu"))
    assert germany.value.best == 381
    assert "2023" in germany.source
    own = grid(Params(g_per_kwh=12.0, g_per_kwh_source="the roof, 2026"))
    assert (own.value.best, own.source) == (12.0, "the roof, 2026")
    with pytest.raises(ParameterError, match=r"'DEUT' is not in the table; did you mean 'DEU'"):
        grid(Params(region="DEUT"))


def test_a_range_that_is_upside_down_is_refused():
    with pytest.raises(ParameterError, match="low <= best <= high"):
        Range(2.0, 1.0, 3.0)
