"""A process that reads ntuples for another; see `mcbook.selection.workers`."""

from mcbook.selection.workers import serve

if __name__ == "__main__":
    serve()
