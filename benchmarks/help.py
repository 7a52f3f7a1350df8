"""How long ``mcbook --help`` takes against a bare typer program: ``python benchmarks/help.py``.

The goal is less than twice. The bare program has one command and plain help, which is the harder
floor: typer's default, help by rich, takes longer. Wall time, median of runs that take turns.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL = 2.0
RUNS = 15
BARE = """
import typer
app = typer.Typer(rich_markup_mode=None)

@app.command()
def hello(name: str = "you") -> None:
    "Say hello."
    typer.echo(name)

app()
"""


def ratio() -> tuple[float, float]:
    """Return the seconds that ``mcbook --help`` takes, and those of the bare program."""
    ours = [Path(sys.executable).parent / "mcbook", "--help"]
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        floor = [sys.executable, bare, "--help"]
        times = [(seconds(ours), seconds(floor)) for _ in range(RUNS)]
    mine, theirs = zip(*times, strict=True)
    return statistics.median(mine), statistics.median(theirs)


def seconds(command: list[str | Path]) -> float:
    """Return the wall time of one run [s]."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    mine, theirs = ratio()
    print(f"mcbook --help {mine:.3f} s, bare typer {theirs:.3f} s, ratio {mine / theirs:.2f}")
    sys.exit(mine / theirs >= GOAL)
