"""Draws the figures of the examples in the pages: python docs/make_example_figures.py."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import mcbook as mb
from mcbook.cli.app import app

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "models" / "examples" / "analyses"
SELECTION = HERE.parent / "models" / "examples" / "selection"
FIGURES = ("zprime_inv", "idm_longlived_theta")


def main() -> None:
    """Run the examples, and the tour, and keep some figures of each."""
    target = HERE / "how-to" / "figures"
    target.mkdir(exist_ok=True)
    for name in FIGURES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)  # no books there
            mb.set_limits(EXAMPLES / f"{name}.yaml", output=folder, write=["figures"])
            keep(Path(folder) / "limits.png", target / f"{name}.png")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        mb.fit(EXAMPLES / "zprime_bump.yaml", output=folder, unblind="pseudo-data")
        for drawn, kept in (("scan", "scan"), ("fit", "bump"), ("injection_3", "injection")):
            keep(Path(folder) / f"{drawn}.png", target / f"fit_{kept}.png")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with contextlib.suppress(SystemExit):
            app(["tour"])
        keep(Path(folder) / mb.plan_tour()["figure"], target / "tour.png")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(shutil.copytree(SELECTION, Path(folder) / "selection"))
        select(target)


def select(target: Path) -> None:
    """Go from samples to limits as docs/how-to/select.md does, and keep what it shows."""
    for grid in ("grid", "backgrounds"):
        mb.generate(None, f"{grid}.yaml")
    mb.run(jobs=2)
    mb.smear("smearing.yaml", jobs=2)
    mb.measure_resolution("selection.yaml", output="shapes", jobs=2)
    mb.optimise("selection.yaml", output="tuned", jobs=2)
    mb.select("selection.yaml", output="selected", name="zprime_recoil", jobs=2)
    mb.plot_efficiency_map("zprime_recoil", output="figures", region="signal")
    mb.set_limits("analysis.yaml", output="limits", write=["figures"])
    keep(Path("shapes/resolution.png"), target / "selection_resolution.png")
    keep(Path("tuned/pt_recoil_min.png"), target / "selection_optimum.png")
    (drawn,) = Path("figures").glob("*.png")
    keep(drawn, target / "selection_efficiency.png")
    keep(Path("limits/limits.png"), target / "selection_limits.png")
    mb.fit("fit.yaml", output="fits", at=["m_zp=4"])
    keep(Path("fits/fit.png"), target / "fit_plane.png")


def keep(drawn: Path, kept: Path) -> None:
    """Copy a figure and say how large it is."""
    kept.write_bytes(drawn.read_bytes())
    print(f"{kept.name}: {kept.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
