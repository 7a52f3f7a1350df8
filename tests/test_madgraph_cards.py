"""MadGraph cards: what they say, what enters the settings, what an LHE file says back."""

import gzip
import itertools
import math
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcbook import generators
from mcbook.cards import engine
from mcbook.cards.madgraph import process_line, undecayed
from mcbook.errors import InputError, WorkError
from mcbook.generators.base import PartInput, SampleInput
from mcbook.generators.madgraph import MadGraph
from mcbook.registry.chain import parse_chain
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model, with_constants
from mcbook.ufo import writer

SAMPLE_ID = "zprime-0123456789ab"
PROCESSES = [
    (name, process)
    for name in ("zprime", "dark_higgs", "idm", "alp")
    for process, entry in load_model(name).processes.items()
    if entry.generator == "madgraph"
]
NAMES = {"zp": "zp", "m_zp": "MZp", "width_zp": "WZp", "g_prime": "gZp"}


def campaign_of(model="zprime", process="mumu_inv", **given):
    """Return the campaign of a process with some settings."""
    generator = MadGraph()
    entry = load_model(model)
    found = find_process(entry, process)
    return generator.campaign(entry, found, generator.settings(entry, found, given))


def sample_of(campaign, sample_id=SAMPLE_ID, **point):
    """Return a sample at the model's defaults, moved to *point*."""
    model = campaign.model
    parameters = {k: p.default for k, p in model.parameters.items() if p.default is not None}
    parameters |= point
    columns = {name: np.array([value]) for name, value in parameters.items()}
    derived = {k: float(v[0]) for k, v in Deriver(model).compute(columns).items()}
    return SampleInput(sample_id, parameters, derived)


def cards_of(campaign, sample):
    """Return the text of the sample's card and of the part's."""
    part = PartInput(1, 20_000, 4711)
    return (
        campaign.sample_files(sample)["run.mg5"].decode(),
        campaign.part_files(sample, part)["launch.mg5"].decode(),
    )


def settings_in(card):
    """Return what the ``set`` lines of a card say, without their comments."""
    lines = [line.partition(" #")[0] for line in card.splitlines() if line.startswith("set ")]
    words = [line.split() for line in lines if line != "set no_parton_cut"]
    return {" ".join(names): value for _, *names, value in words}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Write a UFO package in the words of basf2's Lmu_minus_Ltau_UFO, with one more parameter."""
    folder = tmp_path_factory.mktemp("ufo") / "Lmu_UFO"
    folder.mkdir()
    model = load_model("zprime")
    words = {"m_zp": "MZp", "width_zp": "WZp", "g_prime": "gZp", "m_mu": "MM"}
    process = model.processes["mumu_inv"]
    for name, text in writer.write_ufo(model, process.interactions, ()).items():
        changed = text.decode()
        for ours, theirs in words.items():
            changed = re.sub(rf"\b{ours}\b", theirs, changed)
        (folder / name).write_text(changed)
    with (folder / "parameters.py").open("a") as out:
        out.write(
            "gX = Parameter(name='gX', nature='external', type='real', value=0.001,\n"
            "               texname='g', lhablock='HIDDEN', lhacode=[5])\n"
        )
    return str(folder)


@pytest.mark.parametrize(
    ("chain", "line"),
    [
        ("e- e+ > mu- mu+ zp", "e- e+ > mu- mu+ zp"),
        ("e- e+ > mu- mu+ (zp > mu- mu+)", "e- e+ > mu- mu+ zp, zp > mu- mu+"),
        (
            "e- e+ > (ap > chi1 (chi2 > chi1 e- e+)) (hp > mu- mu+)",
            "e- e+ > ap hp, (ap > chi1 chi2, chi2 > chi1 e- e+), hp > mu- mu+",
        ),
        (
            "e- e+ > (ap > e- e+) (hp > (ap > mu- mu+) (ap > mu- mu+))",
            "e- e+ > ap hp, ap > e- e+, (hp > ap ap, ap > mu- mu+)",
        ),
        (
            "e- e+ > (ap > e- e+) (hp > (ap > e- e+) (ap > mu- mu+))",
            "e- e+ > ap hp, ap > e- e+, (hp > ap ap, ap > e- e+, ap > mu- mu+)",
        ),
    ],
)
def test_chains_in_the_words_of_madgraph(chain, line):
    """Decays stand behind commas, nested ones in parentheses, equal ones once."""
    assert process_line(parse_chain(chain), str) == line


def test_only_some_of_identical_particles_decay():
    """A chain that MadGraph cannot be told is refused."""
    with pytest.raises(InputError, match="only some of the ap"):
        process_line(parse_chain("e- e+ > ap (ap > mu- mu+)"), str)


def test_undecayed_production():
    """The production alone keeps beams and produced particles."""
    chain = parse_chain("e- e+ > (ap > chi1 (chi2 > chi1 e- e+)) (hp > mu- mu+)")
    assert str(undecayed(chain)) == "e- e+ > ap hp"


@pytest.mark.parametrize(("model", "process"), PROCESSES)
def test_every_external_parameter_is_set(model, process):
    """The cards set all external parameters of the package, and nothing that it does not have."""
    campaign = campaign_of(model, process)
    point = {"m_hp": 2.5, "m_ap": 1.0} if process == "six_leptons" else {}
    run, launch = cards_of(campaign, sample_of(campaign, f"{model}-0123456789ab", **point))
    parameters = campaign.shared_files()[f"{campaign.ufo_folder}/parameters.py"].decode()
    wanted = {
        f"param_card {block} {code}"
        for block, code in re.findall(r"lhablock='(\w+)',\s+lhacode=\[(\d+)\]", parameters)
    }
    for card in (run, launch):
        found = [name for name in settings_in(card) if name.startswith("param_card")]
        assert set(found) == wanted
        assert card.count("set param_card") == len(wanted)
    assert parameters.count('nature="external"') == len(wanted)


@pytest.mark.parametrize(("model", "process"), PROCESSES)
def test_cards_are_relative_and_carry_the_id(model, process):
    """No card has an absolute path, a date or a host; every card of a sample has its id."""
    campaign = campaign_of(model, process)
    sample = sample_of(campaign, f"{model}-0123456789ab")
    cards = cards_of(campaign, sample)
    for text in (*cards, campaign.shared_files()[f"{campaign.folder}/output.mg5"].decode()):
        assert not re.search(r"(?<![\w.])/\w|\b20[2-9]\d-\d\d", text.replace("1/alpha", ""))
    for text in cards:
        assert f"set run_card run_tag {sample.id}\n" in text


def test_part_differs_from_sample_in_seed_and_events_only():
    """The card of a part sets what the sample's sets, and its seed and number of events."""
    campaign = campaign_of()
    run, launch = map(settings_in, cards_of(campaign, sample_of(campaign)))
    start = {"automatic_html_opening", "run_mode", "nb_core"}
    extra = {k: v for k, v in launch.items() if k not in run and k not in start}
    assert extra == {"run_card nevents": "20000", "run_card iseed": "4711"}
    assert {k: launch[k] for k in run} == run


def test_cuts_are_off_and_beams_symmetric():
    """All cuts go before anything else is set; each beam has half of sqrt(s)."""
    campaign = campaign_of(sqrt_s=10.0)
    _, launch = cards_of(campaign, sample_of(campaign))
    lines = [line for line in launch.splitlines() if line.startswith("set ")]
    assert lines.index("set no_parton_cut") == 4
    found = settings_in(launch)
    assert found["run_card ebeam1"] == found["run_card ebeam2"] == "5"
    assert found["run_card lpp1"] == found["run_card lpp2"] == "0"
    assert found["run_card event_norm"] == "average"


def test_photon_cut_is_a_pseudorapidity():
    """|cos theta| < c of the photon is |eta| < atanh(c); its energy is cut as it is."""
    campaign = campaign_of("idm", "gamma_chi2_ee")
    _, launch = cards_of(campaign, sample_of(campaign))
    assert math.tanh(float(settings_in(launch)["run_card etaa"])) == pytest.approx(0.97, abs=1e-11)
    assert float(settings_in(launch)["run_card ea"]) == 0.1
    assert campaign.settings["cuts"] == {"gamma_cos_theta_max": 0.97, "gamma_e_min": 0.1}
    other = with_constants(campaign.model, {"cos_theta_max": 0.9})
    settings = MadGraph().settings(other, campaign.process, {})
    assert settings["cuts"] == {"gamma_cos_theta_max": 0.9, "gamma_e_min": 0.1}


def test_numbers_in_cards():
    """Parameters reach the cards with at least nine digits, alpha as its inverse."""
    campaign = campaign_of()
    sample = sample_of(campaign, m_zp=1.23456789012, g_prime=1.5e-4)
    found = settings_in(cards_of(campaign, sample)[1])
    assert float(found["param_card MASS 9900026"]) == pytest.approx(1.23456789012, rel=1e-11)
    assert float(found["param_card MCBOOK 1"]) == 1.5e-4
    assert float(found["param_card SMINPUTS 1"]) == pytest.approx(137.035999, rel=1e-11)
    width = sample.derived["width_zp"]
    assert float(found["param_card DECAY 9900026"]) == pytest.approx(width, rel=1e-11)


@pytest.mark.parametrize(("model", "process"), PROCESSES)
def test_breit_wigner_windows_lose_little(model, process):
    """The windows of all resonances of a chain together cut less than 0.1% off."""
    campaign = campaign_of(model, process)
    window = campaign.settings["bwcutoff"]
    for chain in campaign.process.chains():
        kept = (2 / math.pi * math.atan(2 * window)) ** len(list(chain.decays()))
        assert 1 - kept < 1e-3


def test_isr_and_lifetime():
    """ISR takes the electron structure function of each beam; a lifetime goes into the LHE file."""
    campaign = campaign_of(isr="leading-log", lifetime="generator")
    found = settings_in(cards_of(campaign, sample_of(campaign))[1])
    assert found["run_card lpp1"] == "3"
    assert found["run_card lpp2"] == "-3"
    assert found["run_card pdlabel"] == "isronlyll"
    assert found["run_card time_of_flight"] == "0"
    plain = settings_in(cards_of(campaign_of(), sample_of(campaign))[1])
    assert plain["run_card pdlabel"] == "none"
    assert plain["run_card time_of_flight"] == "-1"


def test_settings_are_complete():
    """The settings hold every choice, also those that were not given."""
    settings = campaign_of("zprime", "mumu_tautau").settings
    assert set(settings) == {
        "alpha", "bwcutoff", "cuts", "isr", "lifetime", "sqrt_s", "taus", "ufo",
    }  # fmt: skip
    assert settings["taus"] == {"decayer": "evtgen", "spin_correlations": False}
    assert settings["alpha"] == pytest.approx(1 / 137.035999)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"isr": "nll"}, r"generator\.isr is 'nll'"),
        ({"lifetime": "both"}, r"generator\.lifetime"),
        ({"alpha": 0}, r"generator\.alpha is 0"),
        ({"alpha": 137.035999}, r"generator\.alpha is 137\.035999"),
        ({"alpha": None}, r"generator\.alpha is None"),
        ({"sqrt_s": 10580}, r"generator\.sqrt_s is 10580"),
        ({"sqrt_s": 0.5}, r"generator\.sqrt_s is 0\.5"),
        ({"sqrt_s": float("nan")}, r"generator\.sqrt_s"),
        ({"sqrt_s": True}, r"generator\.sqrt_s is True"),
        ({"bwcuttof": 15}, r"generator\.bwcuttof is no setting"),
        ({"names": {"zp": "zp"}}, r"without generator\.ufo"),
        ({"ufo": "/nowhere/UFO"}, "not a UFO package"),
        ({"ufo": 3}, r"generator\.ufo is 3"),
    ],
)
def test_wrong_settings(given, message):
    """A setting that is not understood is named."""
    with pytest.raises(InputError, match=message):
        campaign_of(**given)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"sqrt_s": 10.580000000000001, "alpha": "1/137.035999"}),
        ({}, {"alpha": 0.00729735257375691}),
        ({}, {"alpha": "0.00729735257"}),
        ({"alpha": "1/137.036"}, {"alpha": "0.00729735252"}),
        ({"sqrt_s": 10.86}, {"sqrt_s": "10.860000000000001"}),
    ],
)
def test_settings_count_to_nine_digits(one, other):
    """However a number is written, the settings that enter ids are the same."""
    assert campaign_of(**one).settings == campaign_of(**other).settings


def test_the_ninth_digit_counts():
    """Settings that differ within nine digits are different."""
    alphas = [campaign_of(alpha=a).settings["alpha"] for a in ("1/137.035999", "1/137.036")]
    assert alphas[0] == 1 / 137.035999
    assert alphas[1] == pytest.approx(1 / 137.036, rel=1e-9)
    assert alphas[0] != alphas[1]


def test_taus_need_a_decayer():
    """A process that makes taus must say who decays them."""
    model = load_model("zprime")
    process = replace(model.processes["mumu_tautau"], taus=None)
    with pytest.raises(InputError, match="taus"):
        MadGraph().settings(model, process, {})


def test_taus_are_said_in_the_card():
    """The card says who decays the taus and that spin correlations are lost."""
    campaign = campaign_of("zprime", "mumu_tautau")
    run, _ = cards_of(campaign, sample_of(campaign, m_zp=4.0))
    assert "evtgen decays them, their spin correlations are lost" in run


def test_process_key_depends_on_the_package_and_the_chain():
    """Two processes with one package share its folder; each has a compiled folder of its own."""
    first, second = campaign_of(), campaign_of("zprime", "mumu_mumu")
    third = campaign_of(sqrt_s=9.0)
    assert first.ufo_folder == second.ufo_folder
    assert first.folder != second.folder
    assert first.folder == third.folder
    assert re.fullmatch(r"processes/zprime-mumu_inv-[0-9a-f]{8}", first.folder)
    channel = campaign_of("dark_higgs", "six_leptons/6mu")
    assert channel.folder.startswith("processes/dark_higgs-six_leptons_6mu-")


def test_output_card():
    """The process definition imports the copy beside it and compiles beside it."""
    campaign = campaign_of("dark_higgs", "six_leptons/4mu2e")
    card = campaign.shared_files()[f"{campaign.folder}/output.mg5"].decode()
    assert f"import model ./{campaign.folder}/ufo\n" in card
    assert "generate e- e+ > ap hp, ap > e- e+, (hp > ap ap, ap > mu- mu+)\n" in card
    assert card.count("add process") == 1
    assert f"output {campaign.folder}/madgraph -nojpeg" in card


def test_command_is_one_line_that_a_shell_reads(tmp_path):
    """The command copies the package, compiles once and reports a missing LHE file."""
    campaign = campaign_of()
    command = campaign.command(SAMPLE_ID, 1)
    assert "\n" not in command
    script = f"{campaign.folder}/run.sh"
    (tmp_path / campaign.folder).mkdir(parents=True)
    (tmp_path / script).write_bytes(campaign.shared_files()[script])
    (tmp_path / campaign.ufo_folder).mkdir(parents=True)
    (tmp_path / campaign.ufo_folder / "particles.py").write_text("")
    program = tmp_path / "mg5"
    program.write_text('#!/bin/sh\necho "$1" >> log\n')
    program.chmod(0o755)
    run = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env={"MCBOOK_MG5": "./mg5", "PATH": "/bin:/usr/bin"},
        capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert campaign.outputs(SAMPLE_ID, 1)[0] in run.stderr.decode()
    assert (tmp_path / campaign.folder / "ufo/particles.py").is_file()
    assert (tmp_path / "log").read_text().split() == [
        f"{campaign.folder}/output.mg5",
        f"{SAMPLE_ID}/parts/0001/launch.mg5",
    ]


def test_rejections():
    """Points without a width, a coupling or an optional parameter of the cards are refused."""
    campaign = campaign_of("dark_higgs", "six_leptons/6mu")
    columns = {
        "m_ap": np.array([1.0, 1.0, 1.0, 1.0]),
        "m_hp": np.array([2.5, 2.5, 1.5, 2.5]),
        "epsilon": np.array([1e-3, 0.0, 1e-3, 1e-3]),
        "alpha_D": np.array([1e-3, 1e-3, 1e-3, 0.0]),
        "theta": np.zeros(4),
    }
    derived = Deriver(campaign.model).compute(columns)
    reasons = [""] * 4
    for rejection in campaign.check(columns, derived):
        for i in np.flatnonzero(rejection.mask):
            reasons[i] = reasons[i] or rejection.reason
    assert reasons[0] == reasons[2] == ""
    assert "width_ap is zero" in reasons[1]
    assert "width_hp" in reasons[3] or "coupling" in reasons[3]
    idle = campaign_of()
    columns = {"m_zp": np.array([1.0]), "g_prime": np.array([0.0])}
    (rejection,) = idle.check(columns, Deriver(idle.model).compute(columns))
    assert rejection.reason == "the coupling of mumu_zp is zero"


def test_reached_quantities():
    """The widths of the package's particles and its effective couplings reach the cards."""
    generator = generators.get("madgraph")
    model = load_model("idm")
    process = model.processes["hp_pipi_chi2_ee"]
    settings = generator.settings(model, process, {})
    assert generator.reached(model, process, settings) == {
        "width_ap", "width_hp", "width_chi2", "g_hp_pipi",
    }  # fmt: skip


def test_foreign_package(foreign):
    """A user's package is copied whole, its names translated, its other parameters kept."""
    campaign = campaign_of(ufo=foreign, names={**NAMES, "gX": 0, "m_mu": "MM"}, alpha=1 / 127.9)
    sample = sample_of(campaign, m_zp=2.0, g_prime=1e-4)
    _, launch = cards_of(campaign, sample)
    found = settings_in(launch)
    assert found["param_card MASS 9900026"] == "2"
    assert found["param_card MCBOOK 1"] == "0.0001"
    assert found["param_card HIDDEN 5"] == "0"
    assert float(found["param_card SMINPUTS 1"]) == pytest.approx(127.9)
    assert found["param_card MASS 13"] == "0.1056583755"
    assert "# WZp = width_zp" in launch
    files = campaign.shared_files()
    assert files[f"{campaign.ufo_folder}/vertices.py"] == Path(foreign, "vertices.py").read_bytes()
    assert foreign not in str(campaign.settings)


def test_foreign_package_in_sections(foreign):
    """Names may stand in the sections particles, parameters and fixed; the settings are equal."""
    sections = {
        "particles": {"zp": "zp"},
        "parameters": {"m_zp": "MZp", "width_zp": "WZp", "g_prime": "gZp"},
        "fixed": {"gX": 0},
    }
    flat = {**NAMES, "gX": 0}
    assert (
        campaign_of(ufo=foreign, names=sections).settings
        == campaign_of(ufo=foreign, names=flat).settings
    )


def test_foreign_cards_can_be_rendered_again_without_the_package(foreign):
    """The settings alone give the same cards; only the package's files are not at hand."""
    campaign = campaign_of(ufo=foreign, names=NAMES)
    again = MadGraph().campaign(campaign.model, campaign.process, campaign.settings)
    sample = sample_of(campaign)
    assert cards_of(again, sample) == cards_of(campaign, sample)
    assert again.folder == campaign.folder
    with pytest.raises(WorkError, match="not at hand"):
        again.shared_files()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"m_zp": "MZP2"}, "no external parameter 'MZP2'"),
        ({"m_z": "MZp"}, "no quantity 'm_z'"),
        ({"zp": "zprime"}, "no particle 'zprime'"),
        ({"width_zp": "gZp"}, "the same name"),
        ({"alpha": "aEWM1"}, "no quantity 'alpha'"),
        ({"m_e": "aEWM1"}, r"follows from generator\.alpha"),
        ({"gY": 0}, "no external parameter 'gY'"),
        ({"parameters": 3}, r"generator\.names\.parameters is 3"),
        ({"fixed": {"gX": "zero"}}, "gX is 'zero'"),
    ],
)
def test_foreign_package_with_wrong_names(foreign, change, message):
    """A name that neither the model nor the package knows is an error that says what there is."""
    with pytest.raises(InputError, match=message):
        campaign_of(ufo=foreign, names={**NAMES, **change})


def test_foreign_package_needs_the_shaping_parameters(foreign):
    """What shapes the events must have a name in the package."""
    names = {key: value for key, value in NAMES.items() if key != "m_zp"}
    with pytest.raises(InputError, match="calls m_zp"):
        campaign_of(ufo=foreign, names=names)
    names = {key: value for key, value in NAMES.items() if key != "width_zp"}
    with pytest.raises(InputError, match="calls width_zp"):
        campaign_of(process="mumu_mumu", ufo=foreign, names=names)


LHE = """<LesHouchesEvents version="3.0">
<header>
<MGVersion>
3.5.7
</MGVersion>
<MGRunCard>
  zprime-0123456789ab\t= run_tag ! name of the run
  2\t= nevents ! Number of unweighted events requested
 4711 = iseed ! rnd seed
</MGRunCard>
<slha>
BLOCK MASS #
      9900026 1.500000e+00 # m_zp
      22 0.000000e+00 # a : 0.0
BLOCK MCBOOK #
      1 1.000000e-03 # g_prime
DECAY 9900026 4.500000e-08 # width_zp
</slha>
<MGGenerationInfo>
#  Number of Events        :       2
#  Integrated weight (pb)  :       0.5
</MGGenerationInfo>
</header>
<init>
11 -11 5.290000e+00 5.290000e+00 0 0 0 0 -4 2
3.000000e-01 3.000000e-03 3.000000e-01 1
2.000000e-01 4.000000e-03 2.000000e-01 2
<generator name='MadGraph5_aMC@NLO' version='3.5.7'>please cite 1405.0301 </generator>
</init>
<event>
 1      1 +5.0000000e-01 1.05800000e+01 7.29735300e-03 1.75566700e-01
  9900026  1    0    0    0    0 +0.0 +0.0 +0.0 1.5 1.5 0.0000e+00 0.0000e+00
</event>
<event>
 1      1 +5.0000000e-01 1.05800000e+01 7.29735300e-03 1.75566700e-01
  9900026  1    0    0    0    0 +0.0 +0.0 +0.0 1.5 1.5 0.0000e+00 0.0000e+00
</event>
</LesHouchesEvents>
"""


@pytest.mark.parametrize("suffix", ["lhe", "lhe.gz"])
def test_read_back(tmp_path, suffix):
    """An LHE file says its sample, seed, events, cross section and parameters."""
    path = tmp_path / f"events.{suffix}"
    path.write_bytes(gzip.compress(LHE.encode()) if suffix.endswith("gz") else LHE.encode())
    found = MadGraph().read_back(str(path))
    assert found.sample_id == SAMPLE_ID
    assert (found.seed, found.events, found.version) == (4711, 2, "3.5.7")
    assert found.cross_section_fb == pytest.approx(500.0)
    assert found.cross_section_error_fb == pytest.approx(5.0)
    assert found.parameters == {"m_zp": 1.5, "g_prime": 1e-3, "width_zp": 4.5e-8}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LHE[: LHE.index("</event>\n</Les")], "truncated"),
        (
            LHE[: LHE.index("<event>")] + LHE[LHE.rindex("<event>") :],
            "holds 1 events, its header says 2",
        ),
        (LHE.replace("MGVersion", "Other"), "no LHE file of MadGraph"),
        (LHE.replace("3.000000e-01 3", "x 3").replace("2.000000e-01 4", "x 4"), "no cross section"),
        ("", "no LHE file"),
    ],
)
def test_read_back_of_broken_files(tmp_path, content, message):
    """A file that is truncated or is something else is refused."""
    path = tmp_path / "events.lhe"
    path.write_text(content)
    with pytest.raises(WorkError, match=message):
        MadGraph().read_back(str(path))


def test_read_back_of_a_cut_archive(tmp_path):
    """A gzip file that ends early, or is not there, is refused."""
    path = tmp_path / "events.lhe.gz"
    path.write_bytes(gzip.compress(LHE.encode())[:-20])
    with pytest.raises(WorkError, match="cannot be read"):
        MadGraph().read_back(str(path))
    with pytest.raises(WorkError, match="not there"):
        MadGraph().read_back(str(tmp_path / "none.lhe.gz"))


def test_templates_are_strict(tmp_path, monkeypatch):
    """A template that names what it is not given, or declares no version, is an error."""
    folder = tmp_path / "templates" / "madgraph"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (folder / "run.mg5.j2").write_text("{# mcbook-template version: 7 #}\n{{ unknown }}\n")
    assert engine.version("madgraph/run.mg5.j2") == 7
    with pytest.raises(InputError, match="unknown"):
        engine.render("madgraph/run.mg5.j2")
    (folder / "one.j2").write_text("no version\n")
    with pytest.raises(InputError, match="declares no version"):
        engine.version("madgraph/one.j2")
    (folder / "two.j2").write_text("{# mcbook-template version: 1 #}\n{% if %}\n")
    with pytest.raises(InputError, match=r"two\.j2:2"):
        engine.render("madgraph/two.j2")
    with pytest.raises(InputError, match="no template"):
        engine.render("madgraph/three.j2")


@pytest.mark.parametrize(
    ("line", "says", "hint"),
    [
        ("{{ nope }}", "'nope' is undefined", "known: energy, width"),
        ("{{ enrgy }}", "'enrgy' is undefined", "did you mean 'energy'"),
        ("{{ width|number }}", "Unknown format code", "only use what mcbook passes"),
        ("{{ 1 / (energy - energy) }}", "division by zero", "only use what mcbook passes"),
    ],
)
def test_template_errors_name_the_line(tmp_path, monkeypatch, line, says, hint):
    """What a template cannot do is told with its path and line, whatever a filter raises."""
    folder = tmp_path / "templates" / "madgraph"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (folder / "own.j2").write_text("{# mcbook-template version: 1 #}\n\n" + line + "\n")
    with pytest.raises(InputError, match=rf"templates/madgraph/own\.j2:3: .*{says}") as caught:
        engine.render("madgraph/own.j2", energy=5.29, width="wide")
    assert hint in caught.value.hint


def test_own_template_changes_the_version(tmp_path, monkeypatch):
    """A user's template comes before the shipped one, and its version is the campaign's."""
    shipped = campaign_of().templates
    folder = tmp_path / "templates" / "madgraph"
    folder.mkdir(parents=True)
    (folder / "run.mg5.j2").write_text("{# mcbook-template version: 5 #}\n# own {{ id }}\n")
    monkeypatch.chdir(tmp_path)
    campaign = campaign_of()
    assert campaign.templates == {**shipped, "madgraph/run.mg5": 5}
    assert cards_of(campaign, sample_of(campaign))[0] == f"# own {SAMPLE_ID}\n"


def test_cards_of_many_samples_do_not_mix():
    """Cards that are rendered one after another hold their own sample's numbers."""
    campaign = campaign_of()
    for number, (a, b) in enumerate(itertools.pairwise([1.0, 2.0, 3.0])):
        first = sample_of(campaign, f"zprime-{number:012x}", m_zp=a)
        second = sample_of(campaign, f"zprime-f{number:011x}", m_zp=b)
        for sample, mass in ((first, a), (second, b), (first, a)):
            found = settings_in(cards_of(campaign, sample)[1])
            assert float(found["param_card MASS 9900026"]) == mass
