"""The command line: parses, calls one verb, prints."""


def main() -> None:
    """Run the program ``mcbook``."""
    from mcbook.cli.app import app

    app(prog_name="mcbook")
