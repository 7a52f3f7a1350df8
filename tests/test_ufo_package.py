"""Physics that is read from UFO packages, without running them."""

import math
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mcbook import generators
from mcbook.errors import InputError
from mcbook.registry.loader import find_process, load_model
from mcbook.ufo.foreign import read_ufo
from mcbook.ufo.package import evaluated, names_in, read_package
from mcbook.verbs.generate import generate
from mcbook.verbs.run import run
from mcbook.verbs.show import show
from mcbook.verbs.ufo import write as ufo
from mcbook.verbs.verify import verify

NATIVE = generators.get("native")
SAME = {
    "zprime": ("mumu_mumu", {"m_zp": 2.0}, ["m_zp", "g_prime", "width_zp"]),
    "alp": ("gamma_gg", {"m_a": 2.0}, ["m_a", "g_agg", "width_a"]),
    "idm": (
        "hp_mumu_chi2_ee", {"m_hp": 0.8},
        ["m_ap", "m_hp", "m_chi1", "delta_m", "epsilon", "alpha_D", "theta", "width_ap",
         "width_hp", "width_chi2"],
    ),
}  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return an empty folder, the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("model", SAME)
def test_a_package_gives_the_numbers_of_the_registry(here, model):
    """The package that mcbook writes, taken as a user's: the same vertices, masses and widths."""
    process, fixed, names = SAME[model]
    ufo(model, "package", process=process)
    grid = {"process": process, "fixed": fixed, "events": 50}
    own = {"name": "native"}
    theirs = own | {"ufo": "package", "names": {name: name for name in names}}
    (first,) = generate(model, grid | {"generator": own})["ids"]
    (second,) = generate(model, grid | {"generator": theirs})["ids"]
    assert first != second
    cards = [
        yaml.safe_load((here / f"samples/{i}/sample.yaml").read_text()) for i in (first, second)
    ]
    particles = [
        {p["id"]: (p["mass"], p["width"], p["spin"]) for p in c["particles"]} for c in cards
    ]
    assert set(particles[0]) == set(particles[1])
    for identity, values in particles[0].items():
        assert particles[1][identity] == pytest.approx(values, rel=1e-10)
    vertices = [
        {f"V_{i['name']}".removeprefix("V_V_").removeprefix("V_"): i for i in c["interactions"]}
        for c in cards
    ]
    assert set(vertices[0]) == set(vertices[1])
    for name, entry in vertices[0].items():
        assert vertices[1][name]["coupling"] == pytest.approx(entry["coupling"], rel=1e-10)
        assert vertices[1][name]["structure"] == entry["structure"]
    run()
    rates = [show(i)["cross_section_fb"] for i in (first, second)]
    error = math.hypot(rates[0]["error"], rates[1]["error"])
    assert abs(rates[0]["value"] - rates[1]["value"]) < 4 * error
    assert not verify()["failed"]


def test_nothing_of_a_package_is_run(here):
    """Python beside the literals is not executed."""
    ufo("zprime", "package", process="mumu_inv")
    path = here / "package" / "couplings.py"
    path.write_text(path.read_text() + "\nopen('traces', 'w').write('run')\n")
    package = read_package(read_ufo("package"))
    assert not (here / "traces").exists()
    assert {"e-", "e+", "mu-", "zp"} <= set(package.particles)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("vertices.py", "lorentz=[L.FFV]", "lorentz=[L.FFX]", "vertices.py"),
        ("vertices.py", "lorentz=[L.FFV]", "lorentz=choose()", "vertices.py"),
        ("particles.py", "pdg_code=9900026", "pdg_code=code()", "particles.py"),
        ("lorentz.py", "Gamma(3,2,1)", "Gamma(3,1,2)", "from leg 2"),
        ("lorentz.py", "Gamma(3,2,1)", "Sigma(3,2,1)", "did you mean 'Gamma'"),
        ("lorentz.py", "Gamma(3,2,1)", "Gamma(3,2,1)*P(-1,3)", "odd number of momenta"),
        ("couplings.py", "g_prime", "g_prome", "g_prome"),
    ],
)
def test_what_is_not_understood_is_told(here, file, old, new, said):
    """One line names the file or the formula; nothing is planned."""
    ufo("zprime", "package", process="mumu_inv")
    path = here / "package" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    names = {name: name for name in SAME["zprime"][2]}
    settings = {"name": "native", "ufo": "package", "names": names}
    with pytest.raises(InputError) as caught:
        generate("zprime", {"scan": {"m_zp": [1]}, "generator": settings})
    assert said in f"{caught.value.message}; {caught.value.hint}"
    assert not (here / "mcbook.db").exists()


def test_four_legs_are_told_where_they_count(here):
    """A vertex of a pair of muons and two Z' matters for two Z', and not for one."""
    ufo("zprime", "package", process="mumu_inv")
    path = here / "package" / "vertices.py"
    text = path.read_text()
    start = text.index("V_mumu_zp = ")
    vertex = text[start : text.index(")\n", start) + 2]
    four = vertex.replace("V_mumu_zp", "V_four").replace("P.zp]", "P.zp, P.zp]")
    path.write_text(text + "\n" + four)
    model = load_model("zprime")
    names = {name: name for name in SAME["zprime"][2]}
    plain = replace(find_process(model, "mumu_inv"), generator="native")
    settings = NATIVE.settings(model, plain, {"ufo": "package", "names": names})
    assert len(settings["ufo"]["physics"]["vertices"]) == 3
    chains = plain.channels[0].chains
    (node,) = [node for node in chains[0].final if node.particle == "zp"]
    more = replace(chains[0], final=(*chains[0].final, node))
    pair = replace(plain, channels=(replace(plain.channels[0], chains=(more,)),))
    with pytest.raises(InputError, match="V_four"):
        NATIVE.settings(model, pair, {"ufo": "package", "names": names})


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_formulas(a, b):
    """Operators, functions and names mean what they do in Python."""
    values = {"a": a, "b": b}
    assert evaluated("(a*cmath.sqrt(b) - 2.)/b**2", values) == pytest.approx(
        (a * math.sqrt(b) - 2) / b**2
    )
    assert evaluated("complex(0,1)*a", values) == 1j * a
    assert evaluated("-complexconjugate(complex(a,b))", values) == -complex(a, -b)
    assert names_in("a*cmath.exp(b) + cmath.pi") == {"a", "b"}


@pytest.mark.parametrize("text", ["a +", "__import__('os')", "a.b", "[1]", "a if a else b", "1/0"])
def test_formulas_that_are_none(text):
    """What is no formula is refused."""
    with pytest.raises(InputError, match="formula"):
        evaluated(text, {"a": 1.0, "b": 2.0})


@pytest.mark.usefixtures("here")
def test_what_is_called_the_same_needs_no_names():
    """The package that mcbook writes is taken without a translation."""
    ufo("zprime", "package", process="mumu_inv")
    model = load_model("zprime")
    process = replace(find_process(model, "mumu_inv"), generator="native")
    names = {name: name for name in ("m_zp", "g_prime")}
    told = NATIVE.settings(model, process, {"ufo": "package", "names": names})
    assert NATIVE.settings(model, process, {"ufo": "package"}) == told
