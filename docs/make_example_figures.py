"""Draws the figures of the examples in the pages: python docs/make_example_figures.py."""

import os
import tempfile
from pathlib import Path

from mcbook import set_limits

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "models" / "examples" / "analyses"
FIGURES = ("zprime_inv", "idm_longlived_theta")


def main() -> None:
    """Run each example with its box closed and keep one figure of it."""
    target = HERE / "how-to" / "figures"
    target.mkdir(exist_ok=True)
    for name in FIGURES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)  # no books there
            set_limits(EXAMPLES / f"{name}.yaml", output=folder, write=["figures"])
            drawn = (Path(folder) / "limits.png").read_bytes()
            (target / f"{name}.png").write_bytes(drawn)
            print(f"{name}.png: {len(drawn) // 1000} kB")


if __name__ == "__main__":
    main()
