"""Run every benchmark, one after the other: ``python benchmarks/run.py``.

Each is a ratio against a peer or a floor beside it on the same machine, told at the head of its
file.
"""

import subprocess
import sys
from pathlib import Path

NAMES = ("help", "generate", "query", "limits", "limits_agreement", "lhe", "native")


def main() -> int:
    """Return how many goals were missed."""
    missed = 0
    for name in NAMES:
        print(f"{name}:", flush=True)
        script = Path(__file__).with_name(f"{name}.py")
        missed += subprocess.run([sys.executable, script], check=False).returncode != 0
    return missed


if __name__ == "__main__":
    sys.exit(main())
