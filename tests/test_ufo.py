"""UFO packages: what they hold, and that their couplings make the widths of the registry."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from mcbook.errors import InputError, WorkError
from mcbook.registry.closure import process_particles
from mcbook.registry.derive import Deriver
from mcbook.registry.expressions import parse
from mcbook.registry.loader import load_model, with_constants
from mcbook.registry.model import Interaction, SignalModel
from mcbook.ufo import writer
from mcbook.ufo.check import UfoNumbers, check_package, evaluate
from mcbook.ufo.content import content
from mcbook.ufo.foreign import read_ufo
from mcbook.verbs import ufo as verb

MODELS = ["zprime", "dark_higgs", "idm", "alp"]

GAMMA = np.zeros((4, 4, 4), dtype=complex)
"""Dirac matrices in the chiral basis (Peskin and Schroeder, equation 3.25)."""
_SIGMA = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
for _mu in range(4):
    GAMMA[_mu, :2, 2:] = _SIGMA[_mu]
    GAMMA[_mu, 2:, :2] = _SIGMA[_mu] if _mu == 0 else -_SIGMA[_mu]
GAMMA5 = np.diag([-1, -1, 1, 1]).astype(complex)
METRIC = np.diag([1.0, -1, -1, -1])

FERMIONS = {
    "Gamma(3,2,1)": list(GAMMA),
    "Gamma(3,2,-1)*ProjM(-1,1)": [matrix @ (np.eye(4) - GAMMA5) / 2 for matrix in GAMMA],
    "Identity(2,1)": np.eye(4, dtype=complex),
    "Gamma5(2,1)": GAMMA5,
}


def slash(p):
    """Return p_mu gamma^mu."""
    return np.einsum("m,mn,nij->ij", p, METRIC, GAMMA)


def levi_civita():
    """Return the totally antisymmetric tensor with upper indices, up to its sign."""
    tensor = np.zeros((4, 4, 4, 4))
    for index in np.ndindex(4, 4, 4, 4):
        if len(set(index)) == 4:
            tensor[index] = np.linalg.det(np.eye(4)[list(index)])
    return tensor


def squared(structure, coupling, momenta, masses):
    """Return the squared amplitude of mother -> 1 2, summed over all spins.

    *structure* is in UFO form with the mother as the third particle.
    """
    (p, p1, p2), (m1, m2) = momenta, masses
    total = abs(coupling) ** 2
    mass2 = p @ METRIC @ p
    if structure in FERMIONS:
        vertex = FERMIONS[structure]
        spinors1 = slash(p1) + m1 * np.eye(4)
        spinors2 = slash(p2) - m2 * np.eye(4)

        def trace(a, b):
            bar = GAMMA[0] @ b.conj().T @ GAMMA[0]
            return np.trace(spinors1 @ a @ spinors2 @ bar)

        if isinstance(vertex, list):
            lower = METRIC @ p
            sums = -METRIC + np.outer(lower, lower) / mass2
            return total * sum(
                (sums[m, n] * trace(vertex[m], vertex[n])).real for m in range(4) for n in range(4)
            )
        return total * trace(vertex, vertex).real
    if structure == "1":
        return total
    first, second = (-METRIC + (np.outer(q, q) / m**2 if m else 0) for q, m in ((p1, m1), (p2, m2)))
    if structure == "Metric(1,2)":
        tensor = METRIC
    else:
        tensor = np.einsum("mnrs,r,s->mn", levi_civita(), METRIC @ p1, METRIC @ p2)
        first = second = -METRIC
        return total * np.einsum("mn,ab,ma,nb->", tensor, tensor, first, second)
    return total * np.einsum("mn,ab,ma,nb->", tensor, tensor, first, second)


def two_body_width(numbers: UfoNumbers, vertex: str) -> float:
    """Return the width [GeV] of the third particle of a vertex into the other two."""
    names, structure, coupling = numbers.vertices[vertex]
    m1, m2, mass = (numbers.masses[name] for name in names)
    energy = (mass**2 + m1**2 - m2**2) / (2 * mass)
    momentum = np.sqrt(energy**2 - m1**2)
    p = np.array([mass, 0, 0, 0])
    p1 = np.array([energy, 0, 0, momentum])
    spins = 3 if "Gamma(3" in structure else 1
    identical = 2 if names[0] == names[1] else 1
    total = squared(structure, coupling, (p, p1, p - p1), (m1, m2))
    return momentum * total / (8 * np.pi * mass**2 * spins * identical)


def numbers_at(model: SignalModel, folder: Path, parameters) -> tuple[UfoNumbers, dict]:
    """Write the whole package; return its numbers and the derived quantities at a point."""
    for name, text in writer.write_ufo(model).items():
        (folder / name).write_bytes(text)
    columns = {name: np.array([value]) for name, value in parameters.items()}
    derived = {k: float(v[0]) for k, v in Deriver(model).compute(columns).items()}
    return evaluate(folder, {**derived, **parameters}), derived


POINTS = [
    ("zprime", {"m_zp": 4.5, "g_prime": 0.02, "m_chi": 1.1, "alpha_D": 0.3}, {
        "mumu_zp": "width_zp_mumu",
        "tautau_zp": "width_zp_tautau",
        "numunumu_zp": "width_zp_numu",
        "nutaunutau_zp": "width_zp_nutau",
        "chichi_zp": "width_zp_chichi",
    }),
    ("dark_higgs", {"m_ap": 1.3, "m_hp": 4.0, "epsilon": 2e-3, "alpha_D": 0.2, "theta": 3e-4}, {
        "ee_ap": "width_ap_ee",
        "mumu_ap": "width_ap_mumu",
        "ap_ap_hp": "width_hp_apap",
        "mumu_hp": "width_hp_mumu",
    }),
    ("idm", {"m_ap": 3.0, "m_hp": 2.7, "m_chi1": 1.0, "delta_m": 0.2, "theta": 1e-3,
             "epsilon": 2e-3, "alpha_D": 0.2}, {
        "ee_ap": "width_ap_ee",
        "mumu_ap": "width_ap_mumu",
        "chi2_chi1_ap": "width_ap_chi1chi2",
        "mumu_hp": "width_hp_mumu",
        "chi1_chi1_hp": "width_hp_chi1chi1",
        "chi2_chi2_hp": "width_hp_chi2chi2",
    }),
    ("idm", {"m_ap": 3.0, "m_hp": 1.7, "m_chi1": 1.0, "delta_m": 0.2, "theta": 1e-3,
             "epsilon": 2e-3, "alpha_D": 0.2}, {
        "pipi_hp": "width_hp_pipi_charged",
        "kk_hp": "width_hp_kk_charged",
    }),
    ("idm", {"m_ap": 1.1, "m_hp": 2.5, "m_chi1": 0.3, "delta_m": 0.2, "theta": 1e-3,
             "epsilon": 2e-3, "alpha_D": 0.2}, {"ap_ap_hp": "width_hp_apap"}),
    ("alp", {"m_a": 0.7, "g_agg": 3e-4}, {"gamma_gamma_alp": "width_a"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "point", "widths"), POINTS)
def test_couplings_make_the_widths(name, point, widths, tmp_path):
    """The couplings of a package, put into spin sums, give the partial widths of the registry."""
    numbers, derived = numbers_at(load_model(name), tmp_path, point)
    for interaction, width in widths.items():
        found = two_body_width(numbers, f"V_{interaction}")
        assert found == pytest.approx(derived[width], rel=1e-9), interaction


def test_pseudoscalar_structure(tmp_path):
    """A pseudoscalar coupling c to muons makes the width c^2 m beta / 8 pi (closed formula)."""
    model = load_model("alp")
    vertex = Interaction("mumu_alp", ("mu+", "mu-", "alp"), "FFP", parse("g_agg*m_a"))
    changed = _with(model, interactions={**model.interactions, "mumu_alp": vertex})
    numbers, _ = numbers_at(changed, tmp_path, {"m_a": 0.5, "g_agg": 1e-3})
    beta = np.sqrt(1 - (2 * numbers.masses["mu-"] / 0.5) ** 2)
    expected = (1e-3 * 0.5) ** 2 * 0.5 * beta / (8 * np.pi)
    assert two_body_width(numbers, "V_mumu_alp") == pytest.approx(expected, rel=1e-9)
    assert numbers.couplings["V_mumu_alp"] == pytest.approx(-5e-4)


def test_every_dark_vertex_has_a_width():
    """No vertex of a shipped model is left out of the comparison above."""
    covered = {(name, vertex) for name, _, widths in POINTS for vertex in widths}
    for name in MODELS:
        for vertex, entry in load_model(name).interactions.items():
            assert entry.is_standard_model or (name, vertex) in covered


@pytest.mark.parametrize("name", MODELS)
def test_package_holds_the_numbers_of_the_registry(name, tmp_path):
    """Couplings and masses that Python reads from a package are those of the registry."""
    collected = content(load_model(name))
    for path, text in writer.package(collected).items():
        (tmp_path / path).write_bytes(text)
    assert check_package(tmp_path, collected) > 6


def test_wrong_coupling_is_noticed(tmp_path):
    """A package whose coupling has another sign than the registry's is refused."""
    collected = content(load_model("zprime"))
    for path, text in writer.package(collected).items():
        (tmp_path / path).write_bytes(text.replace(b"complex(0,1)*(g_prime)", b"(g_prime)"))
    with pytest.raises(WorkError, match="coupling of mumu_zp"):
        check_package(tmp_path, collected)


@pytest.mark.parametrize("name", MODELS)
def test_package_is_deterministic_and_neutral(name):
    """A package is the same every time, and says neither where nor when it was written."""
    files = writer.write_ufo(load_model(name))
    assert files == writer.write_ufo(load_model(name))
    for text in files.values():
        assert not re.search(rb"/(home|tmp|work|usr)/|\b20[2-9]\d-\d\d", text)
        text.decode("ascii")


@pytest.mark.parametrize("name", MODELS)
def test_particles_and_parameters(name):
    """Names, codes and PDG ids are unique, as generators want them."""
    collected = content(load_model(name))
    ids = [particle.pdg_id for particle in collected.particles]
    names = [particle.name.lower() for particle in collected.particles]
    codes = [(entry.block, tuple(entry.code)) for entry in collected.externals]
    for listed in (ids, names, codes):
        assert len(set(listed)) == len(listed)
    parameters = [e.name.lower() for e in (*collected.externals, *collected.internals)]
    assert len(set(parameters)) == len(parameters)


def test_slice_holds_only_what_the_process_needs():
    """The slice of e+e- -> mu+mu- Z' has neither taus nor neutrinos nor chi."""
    model = load_model("zprime")
    process = model.processes["mumu_inv"]
    collected = content(model, process.interactions, process_particles(model, process))
    assert {p.name for p in collected.particles} == {"e-", "mu-", "a", "zp"}
    assert {e.name for e in collected.externals} == {
        "m_e", "m_mu", "m_zp", "width_zp", "g_prime", "aEWM1",
    }  # fmt: skip


def test_chi2_mass_follows_the_splitting():
    """m_chi2 is an internal parameter: the splitting keeps its digits in the card."""
    collected = content(load_model("idm"))
    (internal,) = [entry for entry in collected.internals if entry.name == "mass_chi2"]
    assert ast.unparse(ast.parse(internal.value)) == "m_chi1 + delta_m"


def test_computed_numbers_are_marked():
    """Effective couplings stand in a block of their own, widths in DECAY."""
    blocks = {e.name: e.block for e in content(load_model("idm")).externals}
    assert blocks["g_hp_pipi"] == blocks["y_hp_chi"] == "MCBOOKCOMPUTED"
    assert blocks["width_chi2"] == "DECAY"
    assert blocks["q_phi"] == blocks["v_higgs"] == "MCBOOKCONSTANTS"
    assert blocks["epsilon"] == "MCBOOK"


def test_digest_is_of_physics_only():
    """Labels and prose do not reach the digest in the id; a constant and a coupling do."""
    model = load_model("dark_higgs")
    pinned = writer.physics_digest(content(model))
    other = with_constants(model, {"q_phi": 2})
    assert writer.physics_digest(content(other)) != pinned
    renamed = _with(model, title="Another title", description="Other words")
    assert writer.physics_digest(content(renamed)) == pinned
    vertex = model.interactions["mumu_hp"]
    stronger = Interaction(vertex.name, vertex.particles, vertex.lorentz, parse("-2*sin(theta)"))
    changed = _with(model, interactions={**model.interactions, "mumu_hp": stronger})
    assert writer.physics_digest(content(changed)) != pinned


def _with(model, **changes):
    fields = {name: getattr(model, name) for name in model.__dataclass_fields__}
    return SignalModel(**{**fields, **changes})


def test_coupling_may_not_use_the_beam_energy():
    """A coupling with sqrt_s in it cannot be written in UFO, and says so."""
    model = load_model("alp")
    vertex = model.interactions["gamma_gamma_alp"]
    running = Interaction(vertex.name, vertex.particles, vertex.lorentz, parse("g_agg*sqrt_s"))
    with pytest.raises(InputError, match="sqrt_s"):
        content(_with(model, interactions={**model.interactions, "gamma_gamma_alp": running}))


def test_names_that_differ_by_case_only():
    """Two parameters that MadGraph would take for one are refused."""
    model = load_model("dark_higgs")
    vertex = model.interactions["mumu_hp"]
    mixed = Interaction(vertex.name, vertex.particles, vertex.lorentz, parse("theta*Theta"))
    parameters = {**model.parameters, "Theta": model.parameters["theta"]}
    changed = _with(
        model, parameters=parameters, interactions={**model.interactions, "mumu_hp": mixed}
    )
    with pytest.raises(InputError, match="Theta"):
        content(changed)


def test_verb_writes_once(tmp_path):
    """The command writes a package, adopts its own, and overwrites nothing else."""
    target = tmp_path / "zp"
    first = verb.write("zprime", target, process="mumu_inv")
    assert first["files_written"] == len(first["files"])
    assert verb.write("zprime", target, process="mumu_inv")["files_written"] == 0
    with pytest.raises(InputError, match="is there"):
        verb.write("zprime", target)
    assert verb.write("zprime", tmp_path / "dry", dry_run=True)["files_written"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["zp"]
    with pytest.raises(InputError, match="not a folder"):
        verb.write("zprime", tmp_path / "no" / "zp")


def test_reading_a_package_without_running_it(tmp_path):
    """External parameters and particles of a package are read from its text."""
    for name, text in writer.write_ufo(load_model("zprime")).items():
        (tmp_path / name).write_bytes(text)
    (tmp_path / "vertices.py").write_text("raise SystemExit('never run')\n")
    (tmp_path / "restrict_default.dat").write_text("")
    (tmp_path / "py3_model.pkl").write_bytes(b"")
    found = read_ufo(tmp_path)
    assert found.parameters["m_zp"].code == (9900026,)
    assert found.parameters["aEWM1"].block == "SMINPUTS"
    assert {"zp", "mu+", "chi~"} <= found.particles
    assert not {"restrict_default.dat", "py3_model.pkl"} & set(found.files)


def test_reading_what_is_no_package(tmp_path):
    """A folder that is no UFO package, or has a parameter that is no literal, is named."""
    with pytest.raises(InputError, match=r"particles\.py is missing"):
        read_ufo(tmp_path)
    for name, text in writer.write_ufo(load_model("zprime")).items():
        (tmp_path / name).write_bytes(text)
    parameters = (tmp_path / "parameters.py").read_text()
    (tmp_path / "parameters.py").write_text(parameters.replace("[9900026]", "codes()", 1))
    with pytest.raises(InputError, match=r"parameters\.py:\d+"):
        read_ufo(tmp_path)
    (tmp_path / "parameters.py").write_text("print 'Python 2'\n")
    with pytest.raises(InputError, match="no Python 3"):
        read_ufo(tmp_path)
