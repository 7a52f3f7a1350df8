"""Decay files and particle tables: what is written must be what was meant."""

import ast
import itertools
import json
import math
import os
import re
import shlex
import subprocess
import warnings
from functools import cache
from importlib.resources import files

import numpy as np
import pytest
import yaml
from decaylanguage import DecFileParser
from decaylanguage.dec.dec import DecFileWarning, MisconfiguredAliasWarning
from evtgen_book import ID, Book
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mcbook.cards import evtgen_names
from mcbook.cards.evtgen_models import higgs_pair_arguments
from mcbook.errors import InputError, WorkError
from mcbook.generators.evtgen import EvtGen
from mcbook.registry.loader import with_channels

# What Belle II's default decay table declares before it reads a user's file.
BELLE2 = """\
Alias B+sig B+
Alias B-sig B-
ChargeConj B+sig B-sig
Alias B0sig B0
Alias anti-B0sig anti-B0
ChargeConj B0sig anti-B0sig
"""

# The default table of EvtGen's names that these cards use.
STANDARD_NAMES = {
    "Upsilon(4S)", "B+", "B-", "B0", "anti-B0", "K+", "K-", "K*0", "anti-K*0", "pi+", "pi-", "mu+",
    "mu-", "e+", "e-", "gamma",
}  # fmt: skip

PAIRS = {
    "mumu": ["mu-", "mu+"],
    "ee": ["e-", "e+"],
    "pipi": ["pi+", "pi-"],
    "kk": ["K+", "K-"],
}
DELTA_M_D = 0.5069e12  # 1/s, PDG 2024


def parse(text, prelude=BELLE2):
    """Parse a decay file; any warning of decaylanguage but the one for new names is an error."""
    lines = text.splitlines()
    assert lines[-1] == "End"
    assert text.endswith("End\n")
    assert all(len(line) < 1024 for line in lines)
    parser = DecFileParser.from_string(prelude + text)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DecFileWarning)
        warnings.simplefilter("ignore", MisconfiguredAliasWarning)
        parser.parse()
    return parser


def flat(parser):
    """Return every decay as mother -> [(fraction, daughters, model, arguments)]."""
    mothers = parser.list_decay_mother_names()
    return {
        mother: [
            (d["bf"], d["fs"], d["model"], d["model_params"])
            for d in parser.build_decay_chains(
                mother, stable_particles=[x for x in mothers if x != mother]
            )[mother]
        ]
        for mother in mothers
    }


def resolved_in_order(text, known):
    """Check that each name is known where EvtGen, reading from top to bottom, meets it."""
    known = set(known)
    for line in text.splitlines():
        words = line.split("#")[0].replace(";", " ;").split()
        match words:
            case ["Alias", new, old]:
                assert old in known
                assert new not in known
                known.add(new)
            case ["ChargeConj", *names] | ["Decay" | "CDecay", *names]:
                assert set(names) <= known, line
            case [first, *rest, ";"]:
                assert re.fullmatch(r"\d+(\.\d+)?", first), "EvtGen wants no exponent here"
                daughters = list(itertools.takewhile(lambda word: word in known, rest))
                model = rest[len(daughters)]
                assert len(daughters) >= 2, line
                assert re.fullmatch("[A-Z_]+", model), line


def read_table(text):
    """Read a particle table as EvtGen does: word by word, comments only at the start of a line."""
    assert text.endswith("\n")
    assert "\r" not in text
    rows = {}
    for line in text[:-1].split("\n"):
        assert line, "a blank line makes EvtGen read the next comment as commands"
        assert line == line.rstrip()
        if line.startswith("*"):
            assert not {"add", "end", "set"} & set(line[1:].split())
            continue
        words = line.split()
        assert len(words) == 12
        assert words[:3] == ["add", "p", "Particle"]
        name, code, mass, width, max_dm, charge3, spin2, ctau, pythia = words[3:]
        assert len(name) <= 40
        assert name not in rows
        rows[name] = {
            "id": int(code),
            "mass": float(mass),
            "width": float(width),
            "max_dm": float(max_dm),
            "charge3": int(charge3),
            "spin2": int(spin2),
            "ctau": float(ctau),
            "pythia": int(pythia),
        }
    return rows


@pytest.mark.parametrize("channel", PAIRS)
def test_charged_b_decays_as_meant(channel):
    """B+ -> K+ h' has one signal B of either charge, phase space, and one channel."""
    text = Book("dark_higgs", f"bu_k_hp/{channel}").dec(m_hp=1.5, theta=1e-4)
    resolved_in_order(text, STANDARD_NAMES | {"B+sig", "B-sig", "h_dark"})
    parser = parse(text)
    assert flat(parser) == {
        "Upsilon(4S)": [(0.5, ["B+sig", "B-"], "VSS", ""), (0.5, ["B-sig", "B+"], "VSS", "")],
        "B+sig": [(1.0, ["K+", "Myh_dark"], "PHSP", "")],
        "B-sig": [(1.0, ["K-", "Myh_dark"], "PHSP", "")],
        "Myh_dark": [(1.0, PAIRS[channel], "PHSP", "")],
    }
    assert parser.dict_aliases()["Myh_dark"] == "h_dark"
    assert parser.get_particle_property_definitions() == {}


@pytest.mark.parametrize("channel", PAIRS)
def test_neutral_b_decays_as_meant(channel):
    """B0 -> K*0 h' polarises the K*0 (SVS, vector first), mixes, and has one signal B."""
    text = Book("dark_higgs", f"b0_kstar_hp/{channel}").dec(m_hp=1.5, theta=1e-4)
    resolved_in_order(text, STANDARD_NAMES | {"B0sig", "anti-B0sig", "h_dark"})
    parser = parse(text)
    assert flat(parser) == {
        "Upsilon(4S)": [(1.0, ["B0sig", "anti-B0sig", "B0", "anti-B0"], "VSS_BMIX", [DELTA_M_D])],
        "B0sig": [(1.0, ["MyK*0", "Myh_dark"], "SVS", "")],
        "anti-B0sig": [(1.0, ["Myanti-K*0", "Myh_dark"], "SVS", "")],
        "MyK*0": [(1.0, ["K+", "pi-"], "VSS", "")],
        "Myanti-K*0": [(1.0, ["K-", "pi+"], "VSS", "")],
        "Myh_dark": [(1.0, PAIRS[channel], "PHSP", "")],
    }
    assert parser.dict_charge_conjugates()["MyK*0"] == "Myanti-K*0"


def test_axion_decays_to_photons():
    """B+ -> K+ a, a -> gamma gamma is phase space all along."""
    book = Book("alp", "bu_k_a")
    decays = flat(parse(book.dec(m_a=0.8, g_aww=1e-4)))
    assert decays["B-sig"] == [(1.0, ["K-", "Mya_dark"], "PHSP", "")]
    assert decays["Mya_dark"] == [(1.0, ["gamma", "gamma"], "PHSP", "")]
    assert book.reached == frozenset()


def test_both_b_mesons_as_signal():
    """signal_b: both makes each B of an event decay as signal."""
    charged = Book("dark_higgs", "bu_k_hp/mumu", signal_b="both").dec(m_hp=1.5, theta=1e-4)
    assert flat(parse(charged))["Upsilon(4S)"] == [(1.0, ["B+sig", "B-sig"], "VSS", "")]
    neutral = Book("dark_higgs", "b0_kstar_hp/mumu", signal_b="both").dec(m_hp=1.5, theta=1e-4)
    assert flat(parse(neutral))["Upsilon(4S)"] == [
        (1.0, ["B0sig", "anti-B0sig"], "VSS_BMIX", [DELTA_M_D])
    ]
    assert "both B mesons of each event" in neutral


@pytest.mark.parametrize("process", ["bu_k_hp/mumu", "b0_kstar_hp/mumu"])
def test_standalone_cards_declare_the_signal_aliases(process):
    """Without Belle II's default table the card declares what that table would, and no more."""
    standalone = Book("dark_higgs", process, aliases="standalone").dec(m_hp=1.5, theta=1e-4)
    belle2 = Book("dark_higgs", process).dec(m_hp=1.5, theta=1e-4)
    resolved_in_order(standalone, STANDARD_NAMES | {"h_dark"})
    alone, within = parse(standalone, prelude=""), parse(belle2)
    assert flat(alone) == flat(within)
    assert alone.dict_aliases().items() <= within.dict_aliases().items()


def test_all_open_channels_at_registry_fractions():
    """The plain process has the open channels at their relative fractions, closed ones named."""
    book = Book("dark_higgs", "bu_k_hp")
    sample = book.sample(m_hp=0.6, theta=1e-4)
    text = book.dec(m_hp=0.6, theta=1e-4)
    raw = {name: sample.derived[f"br_hp_{name}"] for name in ("mumu", "ee", "pipi")}
    total = sum(raw.values())
    resolved_in_order(text, STANDARD_NAMES | {"B+sig", "B-sig", "h_dark"})
    lines = flat(parse(text))["Myh_dark"]
    found = {tuple(daughters): fraction for fraction, daughters, _, _ in lines}
    assert set(found) == {tuple(PAIRS[name]) for name in raw}
    for name, fraction in raw.items():
        assert found[tuple(PAIRS[name])] == pytest.approx(fraction / total, rel=1e-10)
    assert sum(found.values()) == pytest.approx(1, abs=1e-10)
    assert {model for _, _, model, _ in lines} == {"PHSP"}
    assert "channels left out, closed or without a known fraction: kk" in text
    assert book.reached == {"br_hp_mumu", "br_hp_ee", "br_hp_pipi", "br_hp_kk"}


def test_a_process_restricted_to_one_channel_says_what_is_closed():
    """Where all channels but one are closed, that one has the whole fraction."""
    book = Book("dark_higgs", "bu_k_hp")
    process = with_channels(book.process, ("ee",))
    book.campaign = EvtGen().campaign(book.model, process, book.settings)
    text = book.dec(m_hp=0.1, theta=1e-4)
    assert flat(parse(text))["Myh_dark"] == [(1.0, ["e-", "e+"], "PHSP", "")]
    assert "channels left out, closed or without a known fraction: mumu, pipi, kk" in text
    assert EvtGen().reached(book.model, process, book.settings) == frozenset()


def test_fractions_of_kstar_processes_do_not_count_the_kstar_twice():
    """K*0 -> K+ pi- is a line of its own with fraction one; h' fractions are relative."""
    decays = flat(parse(Book("dark_higgs", "b0_kstar_hp").dec(m_hp=1.5, theta=1e-4)))
    charged = flat(parse(Book("dark_higgs", "bu_k_hp").dec(m_hp=1.5, theta=1e-4)))
    assert decays["MyK*0"] == [(1.0, ["K+", "pi-"], "VSS", "")]
    for mine, other in zip(decays["Myh_dark"], charged["Myh_dark"], strict=True):
        assert mine[1] == other[1]
        assert mine[0] == pytest.approx(other[0], rel=1e-10)


@pytest.mark.parametrize("lifetime", ["displacer", "generator"])
def test_exactly_one_mechanism_displaces(lifetime):
    """The table has the decay length only if nothing else displaces; the width stays zero."""
    book = Book("dark_higgs", "bu_k_hp/mumu", lifetime=lifetime)
    sample = book.sample(m_hp=0.5, theta=1e-4)
    table = read_table(book.pdl(m_hp=0.5, theta=1e-4))
    assert table == {
        "h_dark": {
            "id": 9900025,
            "mass": 0.5,
            "width": 0.0,
            "max_dm": 0.0,
            "charge3": 0,
            "spin2": 0,
            "ctau": pytest.approx(sample.derived["ctau_hp"], rel=1e-10)
            if lifetime == "generator"
            else 0.0,
            "pythia": 0,
        }
    }
    text = book.dec(m_hp=0.5, theta=1e-4)
    in_simulation = "GeneratedVertexDisplacer in the simulation alone" in text
    assert in_simulation == (lifetime == "displacer")
    assert ("displaced by: the particle table alone" in text) == (lifetime == "generator")
    assert book.reached == ({"ctau_hp"} if lifetime == "generator" else frozenset())


def test_decay_length_and_width_are_the_same_number_twice():
    """The comment gives ctau in mm and cm, and hbar c over it as the width."""
    text = Book("dark_higgs", "bu_k_hp/mumu").dec(m_hp=0.5, theta=1e-4)
    found = re.search(r"ctau = (\S+) mm = (\S+) cm, width (\S+) GeV", text)
    millimetres, centimetres, width = map(float, found.groups())
    assert centimetres == pytest.approx(millimetres / 10, rel=1e-10)
    assert width * millimetres == pytest.approx(1.973269804e-13, rel=1e-9)


def test_a_broad_state_keeps_its_width():
    """Above 1e-4 GeV EvtGen smears the mass, and the table says how much."""
    book = Book("alp", "bu_k_a")
    sample = book.sample(m_a=3.0, g_aww=1e-4, g_agg=0.1)
    row = read_table(book.pdl(m_a=3.0, g_aww=1e-4, g_agg=0.1))["a_dark"]
    assert sample.derived["width_a"] > 1e-4
    assert row["width"] == pytest.approx(sample.derived["width_a"], rel=1e-10)
    assert row["ctau"] == 0


@pytest.mark.parametrize(
    ("process", "code"),
    [
        ("bu_k_hp/mumu", "1210430000"),  # as Belle II's 1210430000, B+ -> pi+ mu+ mu-
        ("bu_k_hp/ee", "1210530000"),
        ("bu_k_hp/pipi", "1210030000"),
        ("bu_k_hp/kk", "1210030000"),
        ("b0_kstar_hp/mumu", "1110440000"),
        ("bu_k_hp", "1220030000"),
    ],
)
def test_event_type_follows_from_the_chain(process, code):
    """The digits are Belle II's: B+ or B0, leptons, tracks; the header carries them."""
    text = Book("dark_higgs", process).dec(m_hp=1.5, theta=1e-4)
    assert text.splitlines()[0] == f"# EventType: {code}"


def test_house_header():
    """Every key of Belle II's house style stands in the header, once and in its place."""
    text = Book("dark_higgs", "bu_k_hp/mumu").dec(m_hp=1.5, theta=1e-4)
    keys = " ".join(line[2:].split(":")[0] for line in text.splitlines()[:10])
    assert keys == (
        "EventType Descriptor NickName Documentation Tested PhysicsWG Responsible Email Cuts Date"
    )
    assert "# Descriptor: [B+ -> K+ (h_dark -> mu- mu+)]cc\n" in text
    assert "# NickName: Bu_Khp,mm\n" in text
    assert f"# mcbook sample {ID}\n" in text
    assert "# shape: m_hp = 1.5 GeV\n" in text
    (scaling,) = [line for line in text.splitlines() if line.startswith("# rate and lifetime:")]
    assert "theta = 0.0001 rad" in scaling
    assert "m_ap = 3 GeV" in scaling


@pytest.mark.parametrize("given", ["1210430042", 1210430000, "12104300a1"])
def test_event_type_can_be_given(given):
    """The user's code is kept where its derived digits are right."""
    book = Book("dark_higgs", "bu_k_hp/mumu", event_type=given)
    assert book.dec(m_hp=1.5, theta=1e-4).startswith(f"# EventType: {given}\n")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("1110430000", "s is 1, the chain says 2"),
        ("1210530000", "l is 5, the chain says 4"),
        ("1210440000", "t is 4, the chain says 3"),
        ("12104300", "is not an event type"),
        ("12104300000", "is not an event type"),
        (True, "is not an event type"),
    ],
)
def test_wrong_event_type_is_refused(given, words):
    """A code that contradicts the decays is an error that names the digit."""
    with pytest.raises(InputError, match=words):
        Book("dark_higgs", "bu_k_hp/mumu", event_type=given)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"lifetime": "displaced"}, "did you mean 'displacer'?"),
        ({"lifetim": "generator"}, "did you mean 'lifetime'?"),
        ({"aliases": ["belle2"]}, "did you mean 'belle2'?"),
        ({"signal_b": 2}, "known: both, one"),
        ({"alpha": "x"}, "did you mean 1/137.035999?"),
        ({"alpha": -1}, "did you mean 1/137.035999?"),
        ({"alpha": 137.035999}, "did you mean 1/137.035999?"),
        ({"alpha": 0.02}, "did you mean 1/137.035999?"),
        ({"alpha": True}, "did you mean 1/137.035999?"),
    ],
)
def test_wrong_settings_are_refused(given, hint):
    """A wrong key or value says what would be right."""
    with pytest.raises(InputError) as caught:
        Book("dark_higgs", "bu_k_hp/mumu", **given)
    assert caught.value.hint == hint


def test_settings_are_complete():
    """Settings name every default, so that a changed default changes the id."""
    assert Book("dark_higgs", "bu_k_hp", alpha="1/137.035999").settings == {
        "lifetime": "displacer",
        "aliases": "belle2",
        "signal_b": "one",
        "event_type": None,
        "alpha": pytest.approx(7.2973525e-3, rel=1e-7),
    }
    plain = Book("dark_higgs", "bu_k_hp").settings
    assert Book("dark_higgs", "bu_k_hp", alpha=0.00729735257).settings == plain
    assert EvtGen().setting_names() == set(Book("dark_higgs", "bu_k_hp").settings)


# Masses of EvtGen's table and of PDG 2024 agree within 0.4 MeV; thresholds from PDG 2024.
M_B, M_K, M_MU, M_B0, M_KSTAR = 5.27941, 0.493677, 0.1056583755, 5.27972, 0.89555


@settings(max_examples=60)
@given(st.floats(-5e-3, 5e-3))
def test_masses_around_the_upper_threshold(distance):
    """B+ -> K+ h' is accepted exactly where it is open by a margin of 1 MeV."""
    assume(not math.isclose(distance, 1e-3, abs_tol=1e-9))
    accepted = campaign("bu_k_hp/ee").accepted(m_hp=M_B - M_K - distance, theta=1e-4)
    assert accepted == [distance > 1e-3]


@settings(max_examples=60)
@given(st.floats(-5e-3, 5e-3))
def test_masses_around_the_kstar_pole(distance):
    """B0 -> K*0 h' ends at the K*0 pole, where EvtGen would bend the line shape in silence."""
    assume(not math.isclose(distance, 1e-3, abs_tol=1e-9))
    accepted = campaign("b0_kstar_hp/ee").accepted(m_hp=M_B0 - M_KSTAR - distance, theta=1e-4)
    assert accepted == [distance > 1e-3]


@settings(max_examples=60)
@given(st.floats(-5e-3, 5e-3))
def test_masses_around_a_channel_threshold(distance):
    """A single channel is refused until it is open by the margin; the plain process drops it."""
    assume(not math.isclose(distance, 1e-3, abs_tol=1e-9))
    assume(not math.isclose(distance, 0, abs_tol=1e-9))
    mass = 2 * M_MU + distance
    alone = campaign("bu_k_hp/mumu").accepted(m_hp=mass, theta=1e-4)
    assert alone == [distance > 1e-3]
    plain = campaign("bu_k_hp")
    assert plain.accepted(m_hp=mass, theta=1e-4) == [distance < 0 or distance > 1e-3]
    if distance < 0:
        decays = flat(parse(plain.dec(m_hp=mass, theta=1e-4)))
        assert decays["Myh_dark"] == [(1.0, ["e-", "e+"], "PHSP", "")]


@cache
def campaign(process):
    """Return the campaign of a process of the dark Higgs, made once."""
    return Book("dark_higgs", process)


def test_rejections_say_why():
    """Each rejected point comes with the decay that is closed."""
    (rejection,) = Book("dark_higgs", "bu_k_hp/mumu").check(m_hp=[1.0, 0.2, 4.9], theta=1e-4)[:1]
    assert rejection.mask.tolist() == [False, False, True]
    assert rejection.reason == "B+ -> K+ hp is not open by 0.001 GeV"
    book = Book("dark_higgs", "bu_k_hp")
    reasons = [r.reason for r in book.check(m_hp=[1.0, 2 * M_MU + 5e-4, 5e-4], theta=1e-4)]
    assert "channel mumu is within 0.001 GeV of its threshold" in reasons
    assert "no channel is open: mumu, ee, pipi, kk" in reasons


def test_a_closed_sample_is_never_written():
    """Even without `check`, no card is written for a closed decay."""
    for process, mass in [("bu_k_hp/mumu", 0.2), ("bu_k_hp/mumu", 4.9), ("bu_k_hp", 1e-3)]:
        with pytest.raises(InputError, match="is closed"):
            Book("dark_higgs", process).dec(m_hp=mass, theta=1e-4)


def test_a_lifetime_for_the_table_must_be_finite():
    """A stable particle cannot be put into the table with a decay length."""
    book = Book("dark_higgs", "bu_k_hp/mumu", lifetime="generator")
    columns = book.columns(m_hp=[1.0, 1.0], theta=1e-4)
    derived = book.derived(columns) | {"ctau_hp": np.array([1.0, np.inf])}
    (rejection,) = book.campaign.check(columns, derived)
    assert rejection.mask.tolist() == [False, True]
    assert "ctau_hp is not finite" in rejection.reason


def test_broad_states_keep_away_from_thresholds():
    """Five widths of a broad state must fit below every threshold."""
    book = Book("alp", "bu_k_a")
    columns = book.columns(m_a=M_B - M_K - 0.1, g_aww=1e-4)
    for width, fits in [(1e-5, True), (0.019, True), (0.021, False)]:
        derived = book.derived(columns) | {"width_a": np.array([width])}
        assert (book.campaign.check(columns, derived) == []) == fits


def test_part_of_basf2_is_python_and_names_its_sample():
    """The steering file compiles, adds the particle at rest-frame units and sets the seed."""
    for lifetime in ("displacer", "generator"):
        book = Book("dark_higgs", "bu_k_hp/mumu", lifetime=lifetime)
        made = book.part(7, 1000, 4711, m_hp=1.5, theta=1e-4)
        tree = ast.parse(made["evtgen.py"].decode())
        calls = {
            ast.unparse(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)
        }
        assert ast.unparse(calls["b2.set_random_seed"].args[0]) == "4711"
        keywords = {k.arg: ast.literal_eval(k.value)
                    for k in calls["generators.add_evtgen_generator"].keywords}  # fmt: skip
        assert keywords == {
            "finalstate": "signal",
            "signaldecfile": f"{ID}/{ID}.dec",
            "parentParticle": "Upsilon(4S)",
        }
        assert ("pdg.add_particle" in calls) == (lifetime == "displacer")
        assert ("pdg.load" in calls) == (lifetime == "generator")
        if lifetime == "displacer":
            arguments = [ast.literal_eval(a) for a in calls["pdg.add_particle"].args]
            assert arguments == ["h_dark", 9900025, 1.5, 0, 0, 0]
    assert book.campaign.command(ID, 7) == f"basf2 {ID}/parts/0007/evtgen.py"
    assert book.campaign.outputs(ID, 7) == (f"{ID}/parts/0007/mcparticles.root",)


FAKE_EVTGEN = """#!/usr/bin/env python3
import json, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
json.dump(options, open("options.json", "w"))
with open(options["--output"], "w") as out:
    for number in range(int(options["--events"]) - int("lazy" in sys.argv[0])):
        out.write(json.dumps({"event": number, "particles": [{"pdg": 300553}]}) + "\\n")
sys.exit(int("broken" in sys.argv[0]))
"""


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["good", "lazy", "broken"])
def test_part_of_a_standalone_evtgen(kind, tmp_path):
    """The script calls the program as the record says, and what it leaves says what it is."""
    book = Book("dark_higgs", "bu_k_hp/mumu", aliases="standalone")
    made = book.part(2, 500, 99, m_hp=1.5, theta=1e-4)
    record = yaml.safe_load(made["part.yaml"])
    assert record == {
        "schema": 1,
        "id": ID,
        "part": 2,
        "events": 500,
        "seed": 99,
        "parent": "Upsilon(4S)",
        "decay": f"{ID}/{ID}.dec",
        "particles": f"{ID}/{ID}.pdl",
        "output": f"{ID}/parts/0002/events.jsonl",
    }
    program = tmp_path / f"{kind}.py"
    program.write_text(FAKE_EVTGEN)
    program.chmod(0o755)
    folder = tmp_path / ID / "parts" / "0002"
    folder.mkdir(parents=True)
    (folder / "run.sh").write_bytes(made["run.sh"])
    done = subprocess.run(
        shlex.split(book.campaign.command(ID, 2)),
        cwd=tmp_path,
        env={**os.environ, "MCBOOK_EVTGEN": str(program)},
        check=False,
    )
    assert (done.returncode != 0) == (kind == "broken")
    options = json.loads((tmp_path / "options.json").read_text())
    assert options == {
        "--aliases": "standalone",
        "--decay": record["decay"],
        "--particles": record["particles"],
        "--parent": "Upsilon(4S)",
        "--events": "500",
        "--seed": "99",
        "--output": record["output"] + ".part",
    }
    output = tmp_path / record["output"]
    assert output.exists() == (kind != "broken")
    if kind == "lazy":
        with pytest.raises(WorkError, match="holds 499 events, its first line says 500"):
            EvtGen().read_back(str(output))
    if kind == "good":
        found = EvtGen().read_back(str(output))
        assert (found.sample_id, found.events, found.seed) == (ID, 500, 99)
        with output.open("rb") as handle:
            assert EvtGen().recognises(handle.read(4096))
    assert book.campaign.command(ID, 2) == f"sh {ID}/parts/0002/run.sh"


def test_cards_hold_no_seed_and_are_the_same_twice():
    """Cards of a sample depend on nothing but the sample."""
    first = Book("dark_higgs", "bu_k_hp")
    second = Book("dark_higgs", "bu_k_hp")
    sample = first.sample(m_hp=1.5, theta=1e-4)
    assert first.campaign.sample_files(sample) == second.campaign.sample_files(sample)
    assert set(first.campaign.templates) == {
        "evtgen/sample.dec.j2",
        "evtgen/sample.pdl.j2",
        "evtgen/evtgen.py.j2",
    }


def test_known_aliases_are_those_of_the_default_decay_table():
    """The aliases that must not be declared again are those of DECAY_BELLE2.DEC."""
    text = files("decaylanguage").joinpath("data/DECAY_BELLE2.DEC").read_text()
    assert set(re.findall(r"^Alias\s+(\S+)", text, re.MULTILINE)) == evtgen_names.DEFAULT_ALIASES


@pytest.mark.parametrize("name", ["A0", "vpho", "K*0", "Upsilon", "B+sig", "f(0)(1710)"])
def test_taken_names_are_known(name):
    """Names of EvtGen's table and of the default decay table cannot be taken."""
    assert evtgen_names.known_name(name)
    assert not evtgen_names.known_name(f"{name}_dark")


# A model that is not shipped: vectors and pairs of vectors, so that every row of the table of
# decay models is used once.
OTHER = """
schema: 1
name: other
title: Vectors and pairs of them
parameters:
  m_v: {default: 1.0, above: 0}
  m_s: {default: 3.0, above: 0}
particles:
  av: {pdg_id: 9900022, spin: 1, charge: 0, mass: m_v, names: {evtgen: A_dark}}
  sc: {pdg_id: 9900025, spin: 0, charge: 0, mass: m_s, names: {evtgen: S_dark}}
interactions:
  pair: {particles: [av, av, sc], lorentz: VVS, coupling: "1"}
derived:
  rate: {expression: "1", unit: "1", source: test}
  br_one: {expression: "1/4", unit: "1", source: test}
  br_two: {expression: "1/2", unit: "1", source: test}
default_process: main
processes:
  main: PROCESS
"""


def other(tmp_path, chain, extra="", text=OTHER):
    """Return the book of a process written by hand."""
    process = (
        f"{{title: t, generator: evtgen, production: rate, roles: {{m_v: shape, m_s: shape}}, "
        f"chain: {chain!r} {extra}}}"
    )
    (tmp_path / "other.yaml").write_text(text.replace("PROCESS", process))
    return Book("other", "main", models_dir=tmp_path)


@pytest.mark.parametrize(
    ("pair", "model"), [("mu- mu+", "VLL"), ("pi+ pi-", "VSS"), ("K+ K-", "VSS")]
)
def test_vectors_are_polarised(tmp_path, pair, model):
    """B+ -> K+ A' has the vector first (SVS), and A' keeps its polarisation."""
    decays = flat(parse(other(tmp_path, f"B+ > K+ (av > {pair})").dec(m_v=1.5)))
    assert decays["B+sig"] == [(1.0, ["MyA_dark", "K+"], "SVS", "")]
    assert decays["B-sig"] == [(1.0, ["MyA_dark", "K-"], "SVS", "")]
    assert decays["MyA_dark"] == [(1.0, pair.split(), model, "")]


def test_pairs_of_vectors_take_their_amplitudes_from_the_vertex(tmp_path):
    """S -> A' A' has helicity amplitudes from g^(mu nu); two A' that decay alike share a name."""
    book = other(tmp_path, "B+ > K+ (sc > (av > mu- mu+) (av > mu- mu+))", ", interactions: [pair]")
    decays = flat(parse(book.dec(m_v=1.0, m_s=4.0)))
    ((fraction, daughters, model, arguments),) = decays["MyS_dark"]
    assert (fraction, daughters, model) == (1.0, ["MyA_dark", "MyA_dark"], "SVV_HELAMP")
    ratio = 4.0**2 / (2 * 1.0**2) - 1
    assert arguments == pytest.approx([1 / ratio, math.pi, 1, 0, 1 / ratio, math.pi], abs=1e-10)
    assert read_table(book.pdl(m_v=1.0, m_s=4.0))["A_dark"]["spin2"] == 2


def test_vectors_that_decay_differently_have_names_of_their_own(tmp_path):
    """In S -> A'A' -> mumu ee each A' has its own alias and its own decay."""
    book = other(tmp_path, "B+ > K+ (sc > (av > mu- mu+) (av > e- e+))", ", interactions: [pair]")
    text = book.dec(m_v=1.0, m_s=4.0)
    resolved_in_order(text, STANDARD_NAMES | {"B+sig", "B-sig", "A_dark", "S_dark"})
    decays = flat(parse(text))
    first, second = decays["MyS_dark"][0][1]
    assert {decays[first][0][1][0], decays[second][0][1][0]} == {"mu-", "e-"}


def test_amplitudes_of_a_pair_at_threshold_are_equal():
    """At rest no direction is special: |H+| = |H0| = |H-|, and far above H0 is all there is."""
    assert higgs_pair_arguments(2.0, 1.0)[::2] == pytest.approx([1, 1, 1])
    assert higgs_pair_arguments(2000.0, 1.0)[::2] == pytest.approx([0, 1, 0], abs=1e-5)


@pytest.mark.parametrize(
    ("chain", "extra", "words"),
    [
        ("B+ > K+ (sc > (av > mu- mu+) (av > mu- mu+))", "", "no decay model .* sc -> av av"),
        ("B0 > (K*0 > K+ pi-) (av > mu- mu+)", "", "no decay model .* B0 -> K\\*0 av"),
        ("B+ > K+ (sc > tau- tau+)", "", "no decay model .* sc -> tau- tau\\+"),
        ("B+ > K+ (sc > pi+ pi- gamma)", "", "no decay model .* sc -> pi\\+ pi- gamma"),
        ("B+ > K+ gamma", "", "no decay model .* B\\+ -> K\\+ gamma"),
        ("e- e+ > (av > mu- mu+) (sc > mu- mu+)", "", "EvtGen starts from"),
    ],
)
def test_decays_without_a_decay_model_are_refused(tmp_path, chain, extra, words):
    """What the table of decay models does not hold is an error, never phase space."""
    with pytest.raises(InputError, match=words):
        other(tmp_path, chain, extra)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("evtgen: S_dark", "evtgen: A0", "already has a particle 'A0'"),
        ("evtgen: S_dark", "evtgen: B+sig", "already has a particle 'B.sig'"),
        ("evtgen: S_dark", "evtgen: 'S dark'", "cannot read the name 'S dark'"),
        ("evtgen: S_dark", "evtgen: 'S[1]'", "cannot read the name"),
        ("evtgen: S_dark", "evtgen: EndS", "cannot read the name"),
        ("evtgen: S_dark", f"evtgen: {'S' * 41}", "has 41 characters"),
        ("9900025", "9000113", "PDG id 9000113 is taken"),
        ("9900025", "313", "PDG id 313 is taken"),
        ("9900025", "-321", "PDG id -321 is taken"),
    ],
)
def test_names_and_ids_must_be_free(tmp_path, old, new, words):
    """A new particle takes no name and no id that EvtGen already has."""
    with pytest.raises(InputError, match=words):
        other(tmp_path, "B+ > K+ (sc > mu- mu+)", text=OTHER.replace(old, new))


def test_a_particle_with_an_antiparticle_has_both_lines(tmp_path):
    """A complex scalar gets two table lines, conjugate aliases, and the other name in B- decays."""
    text = OTHER.replace(
        "sc: {pdg_id: 9900025,",
        "sc: {anti: anti-sc, anti_names: {evtgen: anti-S_dark}, pdg_id: 9900025,",
    )
    book = other(tmp_path, "B+ > K+ (sc > K+ pi-)", text=text)
    decays = flat(parse(book.dec(m_s=1.0)))
    assert decays["B+sig"] == [(1.0, ["K+", "MyS_dark"], "PHSP", "")]
    assert decays["B-sig"] == [(1.0, ["K-", "Myanti-S_dark"], "PHSP", "")]
    assert decays["Myanti-S_dark"] == [(1.0, ["K-", "pi+"], "PHSP", "")]
    table = read_table(book.pdl(m_s=1.0))
    assert {name: row["id"] for name, row in table.items()} == {
        "S_dark": 9900025,
        "anti-S_dark": -9900025,
    }


def test_a_self_conjugate_particle_decays_to_both_conjugate_states(tmp_path):
    """S -> K+ pi- without K- pi+ would break C for a particle that is its own antiparticle."""
    with pytest.raises(InputError, match="not to the conjugate state"):
        other(tmp_path, "B+ > K+ (sc > K+ pi-)")


def test_light_vectors_are_refused(tmp_path):
    """EvtGen takes a vector below 1e-4 GeV for a photon."""
    book = other(tmp_path, "B+ > K+ av")
    assert book.accepted(m_v=[0.9e-4, 1.1e-4]) == [False, True]


def test_a_particle_may_leave_undecayed_on_purpose(tmp_path):
    """A new particle without a decay has no block, and the card says that this is meant."""
    text = other(tmp_path, "B+ > K+ sc").dec(m_s=1.0)
    assert flat(parse(text))["B+sig"] == [(1.0, ["K+", "S_dark"], "PHSP", "")]
    assert "S_dark leaves undecayed" in text


def test_channels_may_differ_in_one_decay_only(tmp_path):
    """Fractions of correlated decays cannot be written, so they are refused."""
    process = """
    title: t
    generator: evtgen
    production: rate
    interactions: [pair]
    roles: {m_v: shape, m_s: shape}
    channels:
      a: {chain: "B+ > K+ (sc > (av > mu- mu+) (av > mu- mu+))", fraction: br_one}
      b: {chain: "B+ > K+ (sc > (av > e- e+) (av > e- e+))", fraction: br_two}
"""
    (tmp_path / "other.yaml").write_text(OTHER.replace("PROCESS", process))
    with pytest.raises(InputError, match="differ in more than one decay"):
        Book("other", "main", models_dir=tmp_path)
    assert Book("other", "main/a", models_dir=tmp_path).dec(m_v=1.0, m_s=3.0)


def test_fractions_of_any_one_decay(tmp_path):
    """The decay that differs may be deeper in the chain; other decays are not repeated."""
    process = """
    title: t
    generator: evtgen
    production: rate
    roles: {m_v: shape, m_s: unused}
    channels:
      a: {chain: "B+ > K+ (av > mu- mu+)", fraction: br_one}
      b: {chain: "B+ > K+ (av > pi+ pi-)", fraction: br_two}
"""
    (tmp_path / "other.yaml").write_text(OTHER.replace("PROCESS", process))
    decays = flat(parse(Book("other", "main", models_dir=tmp_path).dec(m_v=1.0)))
    assert decays["MyA_dark"] == [
        (pytest.approx(1 / 3), ["mu-", "mu+"], "VLL", ""),
        (pytest.approx(2 / 3), ["pi+", "pi-"], "VSS", ""),
    ]


def test_read_back_counts_events_and_refuses_what_is_cut_off(tmp_path):
    """A complete file gives its number of events; a truncated or foreign one is refused."""
    path = tmp_path / "events.jsonl"
    good = '{"particles": [{"pdg": 511}, {"pdg": -511}]}\n'
    path.write_text(2 * good)
    found = EvtGen().read_back(str(path))
    assert (found.events, found.particles) == (2, {511, -511})
    cut = (good + '{"partic', good[:-1], "root\n", '{"a": 1}\n', "3\n")
    empty = ('{"particles": []}\n', '{"particles": "none"}\n', '{"particles": [{"id": 1}]}\n')
    for text in (*cut, *empty):
        path.write_text(text)
        with pytest.raises(WorkError):
            EvtGen().read_back(str(path))
