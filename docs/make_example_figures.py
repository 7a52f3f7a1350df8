"""Draws the figures of the examples in the pages: python docs/make_example_figures.py."""

import contextlib
import os
import tempfile
from pathlib import Path

import mcbook as mb
from mcbook.cli.app import app

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "models" / "examples" / "analyses"
FIGURES = ("zprime_inv", "idm_longlived_theta")


def main() -> None:
    """Run each example with its box closed, and the tour, and keep one figure of each."""
    target = HERE / "how-to" / "figures"
    target.mkdir(exist_ok=True)
    for name in FIGURES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)  # no books there
            mb.set_limits(EXAMPLES / f"{name}.yaml", output=folder, write=["figures"])
            keep(Path(folder) / "limits.png", target / f"{name}.png")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with contextlib.suppress(SystemExit):
            app(["tour"])
        keep(Path(folder) / mb.plan_tour()["figure"], target / "tour.png")


def keep(drawn: Path, kept: Path) -> None:
    """Copy a figure and say how large it is."""
    kept.write_bytes(drawn.read_bytes())
    print(f"{kept.name}: {kept.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
