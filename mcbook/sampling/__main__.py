"""Makes one part of a sample: ``python3 -m mcbook.sampling SAMPLE PART``, in the samples folder.

With ``--serve`` it makes one part after the other, as standard input asks for them: a line of JSON
with ``sample``, ``part`` and ``log`` each, answered by one with ``status`` and ``cpu_s``.
"""

import json
import os
import sys
import time
import warnings
from pathlib import Path

for _library in ("OPENBLAS", "MKL", "OMP"):  # parts are made side by side; before numpy is loaded
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from mcbook.errors import McbookError  # noqa: E402
from mcbook.sampling.card import PART, SAMPLE, read_part, read_sample  # noqa: E402
from mcbook.sampling.part import Maker  # noqa: E402

OUTPUT = "events.lhe.gz"
_USAGE = "usage: python3 -m mcbook.sampling SAMPLE PART, in the samples folder"


def make(sample: str, part: int, root: Path) -> str:
    """Make a part; return what was made in words.

    Raises
    ------
    McbookError
        If it cannot be made.
    """
    folder = root / sample / "parts" / f"{part:04d}"
    card = read_part(folder / PART)
    made = Maker(read_sample(root / sample / SAMPLE)).write(card, folder / OUTPUT)
    return (
        f"{card.events} events of {sample}, cross section {made.cross_section:.6g} +- "
        f"{made.error:.2g} pb, efficiency {made.efficiency:.2g}, overflow {made.overflow:.1g}"
    )


def told(sample: str, part: int, log: Path | None = None) -> int:
    """Make a part and say how it went; return the exit status."""
    try:
        status, said = 0, make(sample, part, Path())
    except (McbookError, OSError) as error:
        hint = getattr(error, "hint", None)
        status, said = 1, f"error: {error}" + (f"\nhint: {hint}" if hint else "")
    except Exception as error:  # noqa: BLE001  a server goes on
        status, said = 1, f"error: {type(error).__name__}: {error}"
    if log is None:
        print(said, file=sys.stderr if status else sys.stdout)
    else:
        log.write_text(said + "\n", encoding="utf-8")
    return status


def serve() -> int:
    """Make parts until standard input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        start = time.process_time()
        status = told(asked["sample"], int(asked["part"]), Path(asked["log"]))
        answer = {"status": status, "cpu_s": round(time.process_time() - start, 4)}
        print(json.dumps(answer), flush=True)  # noqa: T201
    return 0


def main(arguments: list[str]) -> int:
    """Run the command; return its exit status."""
    warnings.simplefilter("ignore", RuntimeWarning)  # what is no number has no weight
    if arguments == ["--serve"]:
        return serve()
    if len(arguments) != 2 or not arguments[1].isdigit():  # noqa: PLR2004
        print(_USAGE, file=sys.stderr)  # noqa: T201
        return 2
    return told(arguments[0], int(arguments[1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
