"""Named profiles of the mock systems; see README.md in this folder for what goes where."""
