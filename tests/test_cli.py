"""The command line: errors, exit codes, formats; what the verbs do is tested with the verbs."""

import json
import math
import signal
import subprocess
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mcbook import __version__
from mcbook.cli import output
from mcbook.cli.app import app
from mcbook.cli.boundary import Group
from mcbook.cli.options import count, numbers, words
from mcbook.errors import InputError, WorkError

COMMANDS = (
    "tour", "models", "ufo", "generate", "query", "show", "trace", "diff", "verify", "limits",
    "run", "smear", "ingest", "resolution", "optimise", "select", "check", "status", "doctor",
    "exec", "collect", "export b2luigi",
    "export basf2", "export gbasf2", "simulations",
    "tag", "note", "own", "retire", "collection create", "collection list", "collection show",
    "efficiency add", "efficiency list", "efficiency acceptance", "efficiency show",
    "efficiency plot", "efficiency check", "fit", "propose",
    "catalog dump", "catalog load", "catalog merge", "catalog copy",
    "catalog info", "catalog results",
)  # fmt: skip


@pytest.fixture
def run():
    """Return a function that runs mcbook in this process."""

    def invoke(*arguments, of=app):
        return CliRunner().invoke(of, list(arguments), prog_name="mcbook")

    return invoke


@pytest.fixture
def failing():
    """Return a program whose command raises what it is given."""
    program = typer.Typer(cls=Group, rich_markup_mode=None, pretty_exceptions_enable=False)
    errors = {
        "input": InputError("grid.yaml:3: unknown key 'scann'", hint="did you mean 'scan'?"),
        "work": WorkError("the generator failed"),
        "bug": ZeroDivisionError("division by zero"),
        "missing": FileNotFoundError(2, "No such file or directory", "grid.yaml"),
        "read-only": OSError(30, "Read-only file system", "package"),
        "full": OSError(28, "No space left on device", "samples/card.dat"),
        "interrupt": KeyboardInterrupt(),
    }

    @program.command()
    def fail(kind: str) -> None:
        """Raise an error."""
        raise errors[kind]

    @program.command()
    def exit_with(code: int) -> None:
        """Exit."""
        raise typer.Exit(code)

    return program


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    """Each command explains itself and each of its options."""
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    command_line = typer.main.get_command(app)
    for word in command.split():
        command_line = command_line.commands[word]
    assert command_line.help
    assert all(parameter.help for parameter in command_line.params)


def test_no_command_is_untested():
    """The list above is what the program has."""
    root = typer.main.get_command(app)
    found = {
        f"{name} {inner}".strip()
        for name, command in root.commands.items()
        for inner in getattr(command, "commands", {"": None})
    }
    assert found == set(COMMANDS)


def test_version_and_help(run):
    """``--version`` names the version; without a command the help is shown."""
    assert run("--version").stdout == f"mcbook {__version__}\n"
    assert run().stdout == run("--help").stdout
    assert run().exit_code == 0


@pytest.mark.parametrize(
    ("kind", "code", "stderr"),
    [
        ("input", 2, "error: grid.yaml:3: unknown key 'scann'\nhint: did you mean 'scan'?\n"),
        ("work", 1, "error: the generator failed\n"),
        (
            "bug",
            1,
            (
                "error: unexpected ZeroDivisionError: division by zero\n"
                "hint: --debug shows where it happened\n"
            ),
        ),
        ("missing", 2, "error: grid.yaml: No such file or directory\n"),
        ("read-only", 2, "error: package: Read-only file system\n"),
        ("full", 1, "error: samples/card.dat: No space left on device\n"),
        ("interrupt", 130, "error: interrupted\n"),
    ],
)
def test_errors_become_lines(run, failing, kind, code, stderr):
    """Every error is one line and a hint on stderr, nothing on stdout, and its exit code."""
    done = run("fail", kind, of=failing)
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", stderr)


def test_paths_below_this_folder(capsys, tmp_path, monkeypatch):
    """Texts that begin with this folder lose it, in JSON, tables and csv; others stay."""
    folder = tmp_path / 'a "b"'
    folder.mkdir()
    monkeypatch.chdir(folder)
    row = {
        "path": f"{folder}/c",
        "other": f"{folder}er/c",
        "here": str(folder),
        "in": [f"{folder}/d"],
    }
    for value in (row, [row]):
        output.json_document(value)
        found = json.loads(capsys.readouterr().out)
        assert found == (
            {**row, "path": "c", "in": ["d"]}
            if value is row
            else [{**row, "path": "c", "in": ["d"]}]
        )
    output.csv([row], ["path", "here"])
    assert capsys.readouterr().out.splitlines()[1].startswith("c,")
    assert output.cell(row["path"]) == "c"


@pytest.mark.parametrize("line", ["--debug fail input", "fail --debug input", "fail input --debug"])
def test_debug_shows_the_traceback(run, failing, line):
    """``--debug`` adds the traceback wherever it stands and changes nothing else."""
    done = run(*line.split(), of=failing)
    assert done.exit_code == 2
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("hint: did you mean 'scan'?\n")


def test_exit_code_is_passed_on(run, failing):
    """A command that exits with a code of its own does so silently."""
    done = run("exit-with", "1", of=failing)
    assert (done.exit_code, done.output) == (1, "")


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("generat zprime", "there is no command 'generat'", "did you mean 'generate'?"),
        ("catalog dmup x", "there is no command 'dmup'", "did you mean 'dump'?"),
        ("catalog", "missing command", "`mcbook catalog --help` shows what it takes"),
        ("generate zprime", "missing option '--grid'", "`mcbook generate --help`"),
        ("generate --grid x", "missing argument 'MODEL'", "`mcbook generate --help`"),
        ("generate zprime --gird x", "there is no option --gird", "did you mean '--grid'?"),
        ("query --format xml", "invalid value for '--format'", "`mcbook query --help`"),
        ("query --limit 0", "invalid value for '--limit'", "`mcbook query --help`"),
        ("show a b", "got unexpected extra argument", "`mcbook show --help`"),
        ("models zprime --at m_zp", "--at: 'm_zp' does not set", "for example m_zp=1"),
    ],
)  # fmt: skip
def test_usage_errors(run, line, error, hint):
    """A mistyped line exits with 2 and says what would be right, in the same style."""
    done = run(*line.split())
    first, second = done.stderr.splitlines()
    assert done.exit_code == 2
    assert done.stdout == ""
    assert first.startswith(f"error: {error}")
    assert second.startswith(f"hint: {hint}")


@pytest.mark.parametrize(
    "line",
    [
        ["generate", "zprime", "--grid", "g.yaml", "--process", ""],
        ["generate", "zprime", "--grid", "g.yaml", "--output", ""],
        ["limits", "counts.csv", "--output", ""],
        ["query", "--catalog", ""],
        ["query", "--columns", ""],
        ["query", "--columns", " , "],
        ["models", "zprime", "--process", ""],
    ],
)
def test_an_empty_option_is_a_slip(run, line):
    """An option that says nothing, as of a variable that is not set, is not as if left out."""
    done = run(*line)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"error: {line[-2]} is empty"


def test_console_script(program):
    """The installed program answers as the one in this process does."""
    assert program("--version", check=0).stdout == f"mcbook {__version__}\n"
    done = program("generat", check=2)
    assert done.stderr == "error: there is no command 'generat'\nhint: did you mean 'generate'?\n"


def test_module_is_the_program():
    """``python -m mcbook`` is the same program."""
    command = [sys.executable, "-m", "mcbook", "--version"]
    assert subprocess.check_output(command, text=True) == f"mcbook {__version__}\n"


@pytest.mark.thorough
def test_reader_that_goes_away():
    """A pipe that is closed early is no error worth a word."""
    command = f"{sys.executable} -m mcbook models --format json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert (done.stdout, done.stderr) == ("[", "")


def test_numbers():
    """Assignments are finite numbers with distinct names; an error names the option."""
    assert numbers("m_zp=1, g_prime = 1e-3", "--at") == {"m_zp": 1.0, "g_prime": 1e-3}
    assert numbers(None, "--at") == {}
    for text in ("m_zp", "m_zp=", "=1", "m_zp=nan", "m_zp=inf", "m_zp=1=2", "a=1,a=2", ""):
        with pytest.raises(InputError, match="--at: "):
            numbers(text, "--at")


def test_words_and_counts():
    """Lists have commas, counts may have a suffix, and what is not given stays None."""
    assert words("a, b,") == ["a", "b"]
    assert count("50k") == 50_000
    assert (words(None), count(None)) == (None, None)


def test_json_is_finite(capsys):
    """What is not finite is null, with a reason beside a value; numpy numbers are numbers."""
    output.json_document(
        {
            "ctau": {"value": math.inf, "unit": "mm"},
            "ratio": {"value": math.nan, "reason": "m_chi not set"},
            "list": [np.float64(1.5), np.int64(2), np.nan, True, None],
        }
    )
    assert json.loads(capsys.readouterr().out) == {
        "ctau": {"value": None, "unit": "mm", "reason": "infinite"},
        "ratio": {"value": None, "reason": "m_chi not set"},
        "list": [1.5, 2, None, True, None],
    }


@pytest.mark.parametrize("rows", [[], [{"id": "a"}], [{"id": "a"}, {"id": "µ", "x": math.nan}]])
def test_json_list(capsys, rows):
    """A list of any length is one JSON document."""
    output.json_document(rows)
    found = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in found] == [row["id"] for row in rows]


def test_plain_table(capsys):
    """Without a terminal a table is columns aligned by spaces, and nothing is cut off."""
    output.table([{"id": "a" * 200, "m": 0.1 + 0.2}, {"id": "b", "m": None}], ["id", "m"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["id" + " " * 200 + "m", "a" * 200 + "  0.3", "b" + " " * 201 + "-"]


def test_csv_keeps_digits(capsys):
    """Comma-separated values lose no digit, and what is not finite is empty."""
    output.csv([{"id": "a,b", "m": 0.1 + 0.2, "x": math.inf, "n": None}], ["id", "m", "x", "n"])
    assert capsys.readouterr().out == 'id,m,x,n\n"a,b",0.30000000000000004,,\n'


def test_progress_is_silent_without_a_terminal(capsys):
    """A bar is for terminals."""
    with output.progress("work") as report:
        report(1, 2)
    assert capsys.readouterr() == ("", "")


# A job in the background of a shell inherits an ignored SIGINT: Python's own handler is put back.
SLEEPER = """
import signal
import time
import typer
from mcbook.cli.boundary import Group

signal.signal(signal.SIGINT, signal.default_int_handler)
program = typer.Typer(cls=Group)

@program.callback()
def root(): ...

@program.command()
def sleep():
    print("ready", flush=True)
    time.sleep(60)

program()
"""


def test_interrupt():
    """Ctrl-C exits with 130 and one line."""
    command = [sys.executable, "-c", SLEEPER, "sleep"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=30)
    assert (running.returncode, stderr) == (130, "error: interrupted\n")
