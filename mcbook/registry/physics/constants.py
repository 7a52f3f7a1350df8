"""Constants of nature that formulas, models and expressions may use by name.

Every entry carries its unit and its source. The masses of the light leptons are the CODATA values;
hadron masses and lifetimes are PDG 2024 (S. Navas et al., Phys. Rev. D 110, 030001).
"""

from typing import NamedTuple


class Constant(NamedTuple):
    """A number with its unit and its source."""

    value: float
    unit: str
    source: str


_CODATA = "CODATA 2018"
_PDG = "PDG 2024, Phys. Rev. D 110, 030001"

CONSTANTS: dict[str, Constant] = {
    "pi": Constant(3.141592653589793, "1", "mathematics"),
    "m_e": Constant(0.51099895e-3, "GeV", _CODATA),
    "m_mu": Constant(0.1056583755, "GeV", _CODATA),
    "m_tau": Constant(1.77693, "GeV", _PDG),
    "m_pi": Constant(0.13957039, "GeV", _PDG + "; charged pion"),
    "m_pi0": Constant(0.1349768, "GeV", _PDG + "; neutral pion"),
    "m_K": Constant(0.493677, "GeV", _PDG + "; charged kaon"),
    "m_K0": Constant(0.497611, "GeV", _PDG + "; neutral kaon"),
    "m_B": Constant(5.27941, "GeV", _PDG + "; charged B meson"),
    "m_B0": Constant(5.27972, "GeV", _PDG + "; neutral B meson"),
    "m_Kst0": Constant(0.89555, "GeV", _PDG + "; K*(892)0 pole"),
    "br_kst0_kpi": Constant(2.0 / 3.0, "1", "isospin of K*(892)0 -> K+ pi- against K0 pi0"),
    "v_higgs": Constant(246.22, "GeV", "from G_F = 1.1663788e-5 GeV^-2, " + _PDG),
    "G_F": Constant(1.1663788e-5, "GeV^-2", _PDG),
    "M_W": Constant(80.3692, "GeV", _PDG),
    "m_t": Constant(
        162.5,
        "GeV",
        _PDG + "; MS-bar mass at its own scale, for loops (+2.1 -1.5; the pole mass is 172.57)",
    ),
    "V_ts_V_tb": Constant(
        0.04107, "1", _PDG + "; |V_ts V_tb*| = 0.04111 * 0.999118 of the global CKM fit"
    ),
    "tau_Bu_ps": Constant(1.638, "ps", _PDG + "; charged B meson"),
    "tau_Bd_ps": Constant(1.517, "ps", _PDG + "; neutral B meson"),
}


def value(name: str) -> float:
    """Return the value of a constant, in the unit that `CONSTANTS` states."""
    return CONSTANTS[name].value
