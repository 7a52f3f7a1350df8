"""``python -m mcbook`` is the same as ``mcbook``."""

from mcbook.cli import main

if __name__ == "__main__":
    main()
