"""Load against the real runtime over real sockets, in the shapes of the scenarios; it comes with its own issue."""
