"""Run the examples of the README and the pages, and put what they print into the page.

A block ``console`` holds commands behind ``$`` and what they print; a block whose first line is
``# file: NAME`` is written to that file first, in YAML with that line: who copies the block gets
the lines that errors name. Each page runs in an empty folder of its own.
``python docs/run_examples.py`` brings the pages up to date, ``--check`` exits with 1 when one is
not; names of pages after that (``README.md docs/tutorial.md``) stand for these alone.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+)\n")


def main() -> int:
    """Run or check every page."""
    stale = []
    named = [ROOT / word for word in sys.argv[1:] if word != "--check"]
    for page in named or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        fresh = run_page(text)
        if fresh == text:
            continue
        if "--check" in sys.argv:
            stale.append(page)
        else:
            page.write_text(fresh, encoding="utf-8")
    for page in stale:
        print(f"{page.relative_to(ROOT)} shows other output: run python docs/run_examples.py")
    return 1 if stale else 0


def run_page(text: str) -> str:
    """Return a page with the output that its commands give now."""
    if "```console\n" not in text:
        return text
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def block(found: re.Match[str]) -> str:
            kind, body = found.groups()
            if named := FILE.match(body):
                path = folder / named[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                start = 0 if path.suffix == ".yaml" else named.end()
                path.write_text(body[start:], encoding="utf-8")
            return f"```{kind}\n{run_block(body, folder) if kind == 'console' else body}```"

        return BLOCK.sub(block, text)


def run_block(body: str, folder: Path) -> str:
    """Return the commands of a block, each with what it prints."""
    commands = [line[2:] for line in body.splitlines() if line.startswith("$ ")]
    return "".join(f"$ {command}\n{output(command, folder)}" for command in commands)


def output(command: str, folder: Path) -> str:
    """Return what a command prints, errors and notes included."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MCBOOK_")}
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S603  the pages are ours
        ["/bin/bash", "-c", command],
        cwd=folder,
        env={**kept, "HOME": str(folder), "PATH": programs, "XDG_CONFIG_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    printed = done.stdout.replace(f"{folder}/", "")
    return "\n".join(line.rstrip() for line in printed.splitlines()) + "\n" if printed else ""


if __name__ == "__main__":
    sys.exit(main())
