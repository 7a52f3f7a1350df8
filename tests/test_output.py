"""What an output says of itself against what was asked for; LHE files of MadGraph's form."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from mcbook.errors import WorkError
from mcbook.generators.base import OFF, PartInput, ReadBack, SampleInput, Stated
from mcbook.generators.madgraph import MadGraph
from mcbook.production.output import wrong
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model

PART = PartInput(1, 10, 5)
SAID = {"ptl": "0.0", "etaa": "2.09", "pdlabel": "none", "pt_min_pdg": "{}"}
FOUND = ReadBack(
    "a-1", 10, 3.0, 0.1, 5, "3.5.7", {"m": 0.1056584, "w": 0.0}, ((11, 5.29), (-11, 5.29)),
    frozenset({11, -11, 13}), SAID,
)  # fmt: skip
STATED = Stated(
    {"m": 0.1056583755, "w": 0.0}, 7, ((11, 5.29), (-11, 5.29)),
    frozenset({11, -11, 13, -13}),
    {"ptl": OFF, "etaa": "2.09", "pdlabel": "none", "pt_min_pdg": OFF, "ea": OFF},
    (frozenset({13}), frozenset({15})), has_rate=True,
)  # fmt: skip

WRONG = [
    ({"sample_id": "b-2"}, "it says that it is of b-2"),
    ({"seed": 6}, "its seed is 6"),
    ({"events": 9}, "it has 9 events"),
    ({"cross_section_fb": 0.0}, "its cross section is 0"),
    ({"cross_section_fb": -1.0}, "its cross section is -1"),
    ({"cross_section_fb": float("nan")}, "its cross section is nan"),
    ({"cross_section_error_fb": float("inf")}, "3 +- inf fb"),
    ({"beams": ()}, "its beams are not said"),
    ({"parameters": {"m": 0.1056584}}, "it does not say its parameters w"),
    ({"parameters": {"m": float("nan"), "w": 0.0}}, "m = nan where"),
    ({"settings": {"pdlabel": "none"}}, "it does not say its settings etaa"),
    ({"particles": frozenset({11, -11})}, "do not have the particles of the process: 13 or 15"),
    ({"beams": ((-11, 5.29), (11, 5.29))}, "its beams are -11"),
    ({"beams": ((11, 7.0), (-11, 4.0))}, "7 GeV"),
    ({"parameters": {"m": 0.1056594, "w": 0.0}}, "m = 0.1056594 where 0.105658375"),
    ({"parameters": {"m": 0.1056584, "w": 1e-9}}, "w = 1e-09 where 0"),
    ({"particles": frozenset({13, 9000006})}, "does not know: 9000006"),
    ({"settings": SAID | {"ptl": "10.0"}}, "ptl = 10.0, and nothing was asked for"),
    ({"settings": SAID | {"etaa": "-1.0"}}, "etaa = -1.0, and 2.09 was asked for"),
    ({"settings": SAID | {"pt_min_pdg": "{13: 1}"}}, "pt_min_pdg = {13: 1}"),
    ({"settings": SAID | {"pdlabel": "isronlyll"}}, "pdlabel = isronlyll"),
]


def test_nothing_is_wrong():
    """Numbers agree to the digits that are written; settings that do nothing are all the same."""
    assert wrong(FOUND, STATED, "a-1", PART) == []
    off = {"ptl": "-1.0", "ea": "0", "etaa": "2.090000001", "custom_fcts": ""}
    assert wrong(replace(FOUND, settings=SAID | off), STATED, "a-1", PART) == []
    silent = replace(FOUND, sample_id=None, seed=None)
    assert wrong(silent, STATED, "a-1", PART) == []


@pytest.mark.parametrize(("how", "says"), WRONG)
def test_what_is_wrong(how, says):
    """One sentence for what differs."""
    (complaint,) = wrong(replace(FOUND, **how), STATED, "a-1", PART)
    assert says in complaint


ID = "zprime-0123456789ab"
LHE = """\
<LesHouchesEvents version="3.0">
<header>
<MGVersion>
3.5.7
</MGVersion>
<MGRunCard>
# lpp: 0=No PDF, 1=proton
  {id} = run_tag ! name of the run
  2 = nevents ! Number of unweighted events requested
  7 = iseed ! rnd seed
  0 = lpp1 ! beam 1 type
  none\t= pdlabel ! PDF set
  {cut}\t= etaa ! max rap for the photons
  {{}}\t= pt_min_pdg ! pt cut
</MGRunCard>
<slha>
BLOCK MASS #
      9900026 {mass:.6e} # m_zp
</slha>
<MGGenerationInfo>
#  Number of Events        :       2
</MGGenerationInfo>
</header>
<init>
11 -11 5.290000e+00 5.290000e+00 0 0 0 0 -4 1
4.0e-05 1.5e-07 4.996000e-05 1
</init>
{events}</LesHouchesEvents>
"""
EVENT = """\
<event>
 2      1 +4.9960000e-05 1.05800000e+01 7.29735300e-03 1.75566700e-01
       11 -1    0    0    0    0 +0.0 +0.0 +5.29 5.29 5.1e-04 0.0000e+00 1.0000e+00
  9900026  1    1    2    0    0 -6.4 +2.3 -8.6 1.2e+00 9.9e-01 0.0000e+00 0.0000e+00
</event>
"""


@pytest.fixture
def lhe(tmp_path):
    """Return a function that writes an LHE file and reads it back."""

    def read(*, is_packed=False, cut="-1.0", mass=1.0, events=2, identity=ID):
        text = LHE.format(id=identity, cut=cut, mass=mass, events=EVENT * events)
        path = tmp_path / ("e.lhe.gz" if is_packed else "e.lhe")
        path.write_bytes(gzip.compress(text.encode()) if is_packed else text.encode())
        assert MadGraph().recognises(path.read_bytes()[:4096])
        return MadGraph().read_back(str(path))

    return read


@pytest.mark.parametrize("is_packed", [False, True])
def test_lhe(lhe, is_packed):
    """Header, beams, particles and run settings of an LHE file."""
    found = lhe(is_packed=is_packed)
    assert (found.sample_id, found.events, found.seed) == (ID, 2, 7)
    assert (found.cross_section_fb, found.cross_section_error_fb) == pytest.approx((0.04, 1.5e-4))
    assert found.beams == ((11, 5.29), (-11, 5.29))
    assert found.particles == {11, 9900026}
    assert found.parameters == {"m_zp": 1.0}
    assert found.settings["etaa"] == "-1.0"
    assert found.settings["pdlabel"] == "none"
    with pytest.raises(WorkError, match="holds 1 events, its header says 2"):
        lhe(events=1)


def test_lhe_against_a_sample(lhe):
    """What MadGraph has to say of a sample: its parameters, beams, particles, cuts."""
    model = load_model("zprime")
    process = find_process(model, "mumu_inv")
    generator = MadGraph()
    campaign = generator.campaign(model, process, generator.settings(model, process, {}))
    parameters = {"m_zp": 1.0, "g_prime": 1e-3}
    columns = {name: np.array([parameters.get(name, np.nan)]) for name in model.parameters}
    derived = {name: float(v[0]) for name, v in Deriver(model).compute(columns).items()}
    stated = campaign.stated(SampleInput("zprime-0", parameters, derived))
    assert stated.parameters["aewm1"] == pytest.approx(137.035999)
    assert stated.parameters["width_zp"] == derived["width_zp"]
    assert stated.beams == ((11, 5.29), (-11, 5.29))
    assert 9900026 in stated.particles
    assert stated.finals == ({13, -13, 9900026},)
    asked = {name: value for name, value in stated.settings.items() if value != OFF}
    whole = replace(
        lhe(), parameters=dict(stated.parameters) | {"m_zp": 1.0},
        settings=asked | {"etaa": "-1.0", "mmaa": "0.0"},
        particles=frozenset({11, -11, 13, -13, 9900026}),
    )  # fmt: skip
    part = PartInput(1, 2, 7)

    def complaints(**how):
        return wrong(replace(whole, **how), stated, ID, part)

    assert complaints() == []
    (heavy,) = complaints(parameters=whole.parameters | {"m_zp": 1.1})
    assert "m_zp = 1.1 where 1 was asked for" in heavy
    for cut in ("etaa", "mmaa", "ptl", "xpta"):
        (said,) = complaints(settings=whole.settings | {cut: "2.5"})
        assert f"{cut} = 2.5, and nothing was asked for" in said
    (isr,) = complaints(settings=whole.settings | {"lpp1": "3"})
    assert "lpp1 = 3, and 0 was asked for" in isr
    (electrons,) = complaints(particles=frozenset({11, -11, 9900026}))
    assert "do not have the particles" in electrons
    assert any("does not say its parameters" in text for text in wrong(lhe(), stated, ID, part))


def test_only_ids_are_ids(lhe):
    """A tag that is no id of mcbook says nothing."""
    assert lhe().sample_id == ID
    assert lhe(identity="tag_1").sample_id is None


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("a\n\x1b[31mZero result detected: No Phase Space.\x1b[0m\nquit\n",
         "Zero result detected: No Phase Space."),
        ("INFO: x\nWARNING: invalid set command MApp 3\ndone\n", "invalid set command MApp 3"),
        ('Command "launch x" interrupted with error:\nValueError : y\n',
         'Command "launch x" interrupted with error: ValueError : y'),
        ("INFO: all\nlast words\n\n", "last words"),
        ("", ""),
    ],
)  # fmt: skip
def test_explained(log, says):
    """The line of a log that says best why."""
    assert MadGraph().explain(log).endswith(says)
