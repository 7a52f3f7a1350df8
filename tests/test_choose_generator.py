"""Choosing a generator: for a grid, and for what another generator was to make."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bookshelf import booked

from mcbook.catalog.dump import stored_rows
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError
from mcbook.verbs.generate import generate
from mcbook.verbs.lifecycle import retire
from mcbook.verbs.query import query
from mcbook.verbs.run import run
from mcbook.verbs.show import show
from mcbook.verbs.verify import verify

GRID = "model: zprime\nscan: {m_zp: [1, 2, 3], g_prime: [1e-4, 1e-3]}\nevents: 20\n"
REGISTRY = "madgraph"
"""What the registry names for the process of the grid."""


@pytest.fixture
def here(toy, tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Return a folder, the current one, with a grid; the toy is one more generator."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("toy_generator.Toy.seed_range", (1, 900_000_000))
    for name in ("TOY_MISCHIEF", "TOY_LOG", "TOY_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    (folder / "grid.yaml").write_text(GRID)
    return folder


@pytest.fixture
def planned(here):
    """Return that folder with samples that the registry's generator is to make."""
    generate(None, "grid.yaml")
    return here


def grid(text):
    """Write another grid; return its file."""
    Path("grid.yaml").write_text(text)
    return "grid.yaml"


def of(generator):
    """Return the samples of a generator."""
    return query(f"generator == '{generator}'")


def points_of(generator):
    """Return the points of the samples of a generator, and what they are computed with."""
    with open_catalog(None, mode="read") as opened, opened.reading() as books:
        versions = {row["digest"]: row["versions"] for row in stored_rows(books, "formula_sets")}
        ids = {row["id"] for row in stored_rows(books, "samples") if row["generator"] == generator}
        return sorted(
            json.dumps([point["parameters"], versions[point["formulas"]]], sort_keys=True)
            for point in stored_rows(books, "points")
            if point["sample_id"] in ids
        )


def test_the_option_and_the_grid_choose(here):  # noqa: ARG001
    """Both give the same samples, with ids of their own; the option goes first."""
    usual = generate(None, "grid.yaml")
    by_option = generate(None, "grid.yaml", generator="toy")
    assert by_option["samples"] == {"new": 3, "existing": 0}
    assert not set(usual["ids"]) & set(by_option["ids"])
    by_grid = generate(None, grid(GRID + "generator: {name: toy}\n"))
    assert (by_grid["ids"], by_grid["samples"]["new"]) == (by_option["ids"], 0)
    assert generate(None, "grid.yaml", generator=REGISTRY)["ids"] == usual["ids"]
    assert generate(None, grid(GRID + "generator: {name: madgraph}\n"))["ids"] == usual["ids"]
    assert {row["generator"] for row in query()} == {REGISTRY, "toy"}
    assert points_of("toy") == points_of(REGISTRY)
    assert not verify()["failed"]
    assert run("generator == 'toy'")["parts"]["made"] == 3
    assert not query(missing=True, grid=grid(GRID + "generator: {name: toy}\n"))


def test_settings_are_those_of_the_chosen_generator(here):  # noqa: ARG001
    """What it does not know is refused, as for any."""
    red = generate(None, grid(GRID + "generator: {name: toy, colour: red}\n"), dry_run=True)
    assert red["samples"]["new"] == 3
    with pytest.raises(InputError, match=r"line 4 \(generator.colour\): no generator .*madgraph"):
        generate(None, "grid.yaml", generator=REGISTRY)
    with pytest.raises(InputError, match=r"line 4 \(generator.isr\): no generator .*toy"):
        generate(None, grid(GRID + "generator: {name: toy, isr: none}\n"))


@pytest.mark.parametrize(
    ("chosen", "message", "hint"),
    [
        ("toi", r"grid.yaml, line 4 \(generator.name\): there is no generator 'toi'", "'toy'"),
        ("7", r"grid.yaml, line 4 \(generator.name\): there is no generator 7", "known: "),
    ],
)
def test_a_generator_that_is_not_there(here, chosen, message, hint):
    """The line of the grid is told, and nothing is written."""
    file = grid(GRID + f"generator: {{name: {chosen}}}\n")
    with pytest.raises(InputError, match=message) as caught:
        generate(None, file)
    assert hint in caught.value.hint
    with pytest.raises(InputError, match="there is no generator 'madgraf'") as caught:
        generate(None, file, generator="madgraf")
    assert "'madgraph'" in caught.value.hint
    assert [path.name for path in here.iterdir()] == ["grid.yaml"]


@pytest.mark.parametrize("method", ["settings", "campaign"])
def test_a_process_that_it_cannot_make(here, monkeypatch, method):
    """The refusal names the process, one of several here, and nothing is written."""
    from toy_generator import Toy

    usual = getattr(Toy, method)

    def refuse(self, model, process, given):
        if process.name == "bu_k_hp/mumu":
            raise InputError("too colourful")
        return usual(self, model, process, given)

    text = "model: dark_higgs\nprocess: [mumu_inv, bu_k_hp/mumu]\nfixed: {m_hp: 1, theta: 1e-4}\n"
    monkeypatch.setattr(Toy, method, refuse)
    with pytest.raises(InputError, match="bu_k_hp/mumu cannot be planned for toy: too colourful"):
        generate(None, grid(text), generator="toy")
    assert [path.name for path in here.iterdir()] == ["grid.yaml"]


def test_twins_are_planned_and_made(planned):  # noqa: ARG001
    """The same points, process and target; once. What the other was to make stays planned."""
    dry = run(generator="toy", dry_run=True)
    assert (dry["planned"], dry["parts"]["asked"]) == ({"samples": 3, "parts": 3}, 3)
    assert of("toy") == []
    found = run(generator="toy")
    assert found["planned"] == {"samples": 3, "parts": 3}
    assert (found["parts"]["made"], found["events"]) == (3, 60)
    assert found["notes"] == ["3 samples of madgraph are planned for toy as well: ids differ"]
    assert [row["status"] for row in of(REGISTRY)] == ["planned"] * 3
    assert [row["n_events"] for row in of("toy")] == [20] * 3
    assert points_of("toy") == points_of(REGISTRY)
    again = run(generator="toy")
    assert (again["planned"], again["parts"]["asked"]) == ({"samples": 0, "parts": 0}, 0)
    assert run(generator="toy", dry_run=True)["parts"]["asked"] == 0
    assert generate(None, "grid.yaml", generator="toy")["samples"] == {"new": 0, "existing": 3}
    assert not verify()["failed"]


def test_some_only(planned):  # noqa: ARG001
    """An expression chooses; an id of the other generator does, too."""
    assert run("m_zp < 1.5", generator="toy")["planned"] == {"samples": 1, "parts": 1}
    (identity,) = [row["id"] for row in query("generator == 'madgraph' and m_zp > 2.5")]
    assert run(identity, generator="toy", limit=1)["parts"]["made"] == 1
    assert {row["parameters"]["m_zp"] for row in of("toy")} == {1, 3}
    assert run("generator == 'toy'", generator="toy")["planned"]["samples"] == 0


def test_more_events(planned):  # noqa: ARG001
    """A target given here counts for twins as well; parts are added to what is there."""
    run("m_zp < 1.5", generator="toy")
    dry = run(generator="toy", events=50, dry_run=True)
    assert (dry["planned"], dry["parts"]["asked"]) == ({"samples": 2, "parts": 3}, 3)
    found = run(generator="toy", events=50)
    assert (found["planned"], found["parts"]["made"]) == ({"samples": 2, "parts": 3}, 3)
    assert [row["n_events"] for row in of("toy")] == [50] * 3
    assert run(generator="toy", events=50)["parts"]["asked"] == 0


def test_samples_that_have_their_events_get_no_twin(planned):  # noqa: ARG001
    """Only what is still to be made is planned for another generator."""
    with open_catalog(None, mode="write") as opened, opened.writing() as books:
        books.change("UPDATE parts SET status = ?", [("generated",)])
    assert run(generator="toy")["planned"]["samples"] == 0
    assert run(generator="toy", events=20)["planned"]["samples"] == 0


def test_settings_and_constants_are_handed_on(here):  # noqa: ARG001
    """alpha, the energy, the lifetime and constants are those of the sample."""
    text = "model: zprime\nfixed: {m_zp: 1}\nevents: 20\n"
    settings = "generator: {alpha: 0.0078125, sqrt_s: 10.8, lifetime: generator"
    generate(None, grid(text + settings + "}\n"))
    run(generator="toy")
    ((document,),) = booked("SELECT d.document FROM definitions AS d JOIN samples AS s ON"
                            " s.definition = d.digest WHERE s.generator = 'toy'")  # fmt: skip
    found = (json.loads(document) if isinstance(document, str) else document)["settings"]
    assert found == {"alpha": 1 / 128, "sqrt_s": 10.8, "lifetime": "generator"}
    again = generate(None, grid(text + settings + ", name: toy}\n"))
    assert again["samples"] == {"new": 0, "existing": 1}


def test_constants_of_points_are_handed_on(here):  # noqa: ARG001
    """Points with other constants of the model keep them."""
    generate(None, grid("model: dark_higgs\nset: {q_phi: 1.5}\nfixed: {m_hp: 1}\nevents: 20\n"))
    assert run(generator="toy")["parts"]["made"] == 1
    assert points_of("toy") == points_of(REGISTRY)
    assert '"q_phi": 1.5' in points_of("toy")[0]
    assert generate(None, "grid.yaml", generator="toy")["samples"] == {"new": 0, "existing": 1}


def test_one_sample_for_each_point_stays_so(here):  # noqa: ARG001
    """Samples that share nothing have twins that share nothing."""
    generate(None, "grid.yaml", reuse=False)
    found = run(generator="toy")
    assert found["planned"]["samples"] == len(of(REGISTRY)) == 6
    parameters = [[row["parameters"] for row in of(name)] for name in (REGISTRY, "toy")]
    assert sorted(map(str, parameters[0])) == sorted(map(str, parameters[1]))
    generate(None, "grid.yaml")  # g_prime = 1e-3 is the reference, so these are there
    assert run(generator="toy")["planned"]["samples"] == 0


def test_channels_are_kept(here):  # noqa: ARG001
    """A twin of one channel has that channel alone."""
    generate(
        None,
        grid(
            "model: dark_higgs\nprocess: bu_k_hp/mumu\nfixed: {m_hp: 1, theta: 1e-4}\nevents: 20\n"
        ),
    )
    run(generator="toy")
    (twin,) = of("toy")
    assert twin["process"] == "bu_k_hp/mumu"


def test_a_setting_that_the_other_does_not_have(here):  # noqa: ARG001
    """Events of other physics are no twins: those samples are left, with the setting."""
    generate(None, "grid.yaml")
    generate(None, grid(GRID + "generator: {isr: leading-log}\n"))
    found = run(generator="toy")
    assert found["planned"]["samples"] == 3
    (left,) = [note for note in found["notes"] if "left" in note]
    assert "isr is leading-log, and toy has no such setting" in left
    with pytest.raises(InputError, match=r"toy makes none .*zprime-.* isr is leading-log"):
        run("isr == 'leading-log'", generator="toy")


def test_a_value_that_the_other_refuses(here, monkeypatch):  # noqa: ARG001
    """The message names sample, setting and reason."""
    from toy_generator import Toy

    usual = Toy.settings

    def settings(self, model, process, given):
        if given.get("sqrt_s", 10.58) != 10.58:
            raise InputError("only at 10.58")
        return usual(self, model, process, given)

    monkeypatch.setattr(Toy, "settings", settings)
    generate(None, grid(GRID + "generator: {sqrt_s: 10.8}\n"))
    with pytest.raises(
        InputError, match=r"zprime-\w+.* sqrt_s is 10.8, which toy does not take: only at 10.58"
    ):
        run(generator="toy")
    assert of("toy") == []


def test_points_that_the_other_cannot_make(here):  # noqa: ARG001
    """They are left, with a note; the rest is made."""
    generate(None, grid("model: zprime\nscan: {m_zp: [1, 6.66]}\nevents: 20\n"))
    found = run(generator="toy")
    assert found["parts"]["made"] == 1
    assert found["notes"] == [
        "1 sample of madgraph is planned for toy as well: ids differ",
        "1 point of mumu_inv left: the toy generator does not make this",
    ]
    with pytest.raises(InputError, match=r"toy makes none .* the toy generator does not"):
        run("m_zp > 5", generator="toy")


def test_retired_samples_and_twins_are_left(planned):  # noqa: ARG001
    """A retired sample gets no twin, a retired twin is not made."""
    retire("m_zp < 1.5", reason="wrong")
    assert run(generator="toy")["planned"]["samples"] == 2
    retire("generator == 'toy' and m_zp < 2.5", reason="wrong as well")
    found = run(generator="toy", events=50)
    assert (found["planned"], found["events"]) == ({"samples": 0, "parts": 1}, 30)
    assert any("wrong as well" in note for note in found["notes"])


def test_the_program_has_to_be_there(planned, monkeypatch):  # noqa: ARG001
    """Nothing is planned for a generator whose program is missing."""
    monkeypatch.setenv("TOY_PROGRAM", "/nowhere")
    with pytest.raises(InputError, match="toy was not found"):
        run(generator="toy")
    assert of("toy") == []


def test_the_samples_folder_has_to_be_there(planned):
    """It is not made anew where it was moved away."""
    (planned / "samples").rename(planned / "elsewhere")
    with pytest.raises(InputError, match=r"samples folder .* is not there"):
        run(generator="toy")
    assert of("toy") == []
    assert not (planned / "samples").exists()


def test_a_way_without_the_program_is_told(planned, monkeypatch):  # noqa: ARG001
    """Where another generator makes the samples with what it brings, the hint says so."""
    from toy_generator import toy_program

    monkeypatch.setattr("mcbook.generators.names", lambda: ["evtgen", REGISTRY, "toy"])
    monkeypatch.setenv("MCBOOK_MG5", "/nowhere")
    for options in ({}, {"events": 50}):
        with pytest.raises(InputError, match="was not found") as caught:
            run(**options)
        assert "--generator" not in caught.value.hint
    found = replace(toy_program(), variable="")
    monkeypatch.setattr("toy_generator.toy_program", lambda: found)
    for options in ({}, {"events": 50}):
        with pytest.raises(InputError, match="was not found") as caught:
            run(**options)
        assert "`mcbook run --generator toy` makes them without it" in caught.value.hint
    monkeypatch.setattr("toy_generator.Toy.settings", _refuse)
    with pytest.raises(InputError, match="was not found") as caught:
        run()
    assert "--generator" not in caught.value.hint


def _refuse(*_):
    raise InputError("not this one")


def test_the_command_line(planned, program, monkeypatch):
    """Options and notes, as people see them."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    assert show(of(REGISTRY)[0]["id"])["status"] == "planned"
    words = ("--catalog", planned / "mcbook.db") if (planned / "mcbook.db").exists() else ()
    done = program("generate", "zprime", "--grid", "here/grid.yaml", "--generator", "toi", check=2)
    assert "did you mean 'toy'?" in done.stderr
    done = program("run", "--generator", "toy", "--dry-run", *words, check=0)
    assert done.stdout == "3 parts to make, 3 of them new\n"
    assert "note: 3 samples of madgraph are planned for toy as well: ids differ" in done.stderr
    program("run", "--generator", "toy", *words, check=0)
    rows = program("status", *words, check=0, COLUMNS="200").stdout.splitlines()
    assert [row.split()[:3] for row in rows] == [
        ["model", "process", "generator"],
        ["zprime", "mumu_inv", REGISTRY],
        ["zprime", "mumu_inv", "toy"],
    ]
    done = program("run", "--generator", "evtgen", *words, check=2)
    assert done.stderr.startswith("error: evtgen makes none of these samples: zprime-")
