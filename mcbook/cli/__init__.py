"""The command line: parses, calls one verb, prints."""


def main() -> None:
    """Run the program ``mcbook``."""
    from mcbook.cli.app import run

    run()
