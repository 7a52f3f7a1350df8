#!/usr/bin/env python3
"""The program of the toy generator; ``TOY_MISCHIEF`` says how it misbehaves, by seed or for all."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

LIES = {"zero": {"rate": 0.0}, "other": {"seed": 999, "id": "toy-000000000000"}}
LAST_WORDS = {"crash": "the toy fell down", "full": "cannot write: No space left on device"}


def mischief(seed):
    """Return how to misbehave with a seed, a word and a value: ``slow 0.1``, ``few``."""
    said = json.loads(os.environ.get("TOY_MISCHIEF", "{}"))
    return said.get(str(seed), said.get("all", "")).partition(" ")[::2]


def log(text):
    """Add a line to a file that tells what was run."""
    if where := os.environ.get("TOY_LOG"):
        with Path(where).open("a") as out:
            out.write(f"{text}\n")


def build(folder):
    """Compile something."""
    kind, value = mischief("build")
    log(f"build {folder}")
    product = Path(folder, "compiled")
    product.mkdir()
    if kind == "slow":
        time.sleep(float(value))
    if kind == "crash":
        sys.exit("the toy cannot be compiled")
    (product / "done").write_text("done")


def run(sample, folder):
    """Make events."""
    card = json.loads(Path(folder, "run.json").read_text())
    parameters = json.loads(Path(sample, "toy.json").read_text())
    if not Path("processes/toy/compiled/done").exists():
        sys.exit("nothing was compiled")
    if Path("processes/toy/compiled/LOCK").exists():
        sys.exit("somebody else is at it")
    kind, value = mischief(card["seed"])
    log(f"run {sample} {card['seed']}")
    fall(kind)
    if kind == "orphan":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    head = {"id": parameters.pop("id"), "seed": card["seed"], "rate": 1.5, "parameters": parameters}
    if value == "parameters":
        head["parameters"] = parameters | {"m_zp": 77.0}
    head |= {k: v for k, v in LIES.get(kind, {}).items() if value in {"", k}}
    out = Path(folder, "out")
    out.mkdir()
    write(out / "events.txt", head, card["events"] - (kind == "few"), (kind, value))
    if kind == "nothing":
        (out / "events.txt").unlink()
    if kind == "status":
        sys.exit(3)


def fall(kind):
    """End before there are events, with a last word."""
    if kind in LAST_WORDS:
        sys.exit(LAST_WORDS[kind])
    if kind == "die":
        os.write(2, b"the toy is gone\n")
        os._exit(7)


def write(path, head, events, how):
    """Write events, perhaps slowly or not to the end."""
    kind, value = how
    with path.open("w") as lines:
        lines.write(json.dumps(head) + "\n")
        for number in range(events):
            lines.write(f"event {number}\n")
            if kind in {"slow", "hang"} and number == events // 2:
                lines.flush()
                time.sleep(float(value or 600))
        if kind != "truncate":
            lines.write("end\n")


def serve():
    """Make one part after the other, as they are asked for."""
    log(f"serve {os.getpid()}")
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        wish = json.loads(line)
        words = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(words, 1)
        os.dup2(words, 2)
        status, start = 0, time.process_time()
        folder = Path(wish["sample"], "parts", f"{wish['part']:04d}")
        try:
            run(wish["sample"], folder)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
            os.write(2, b"" if isinstance(ended.code, int) else f"{ended.code}\n".encode())
        os.close(words)
        kind, _ = mischief(json.loads((folder / "run.json").read_text())["seed"])
        said = {"status": status, "cpu_s": time.process_time() - start}
        answers.write(("babble" if kind == "babble" else json.dumps(said)) + "\n")
        answers.write("one more thing\n" if kind == "stray" else "")
        answers.flush()
        if kind == "last":
            sys.exit(4)


if __name__ == "__main__":
    {"build": build, "run": run, "serve": serve}[sys.argv[1]](*sys.argv[2:])
