"""Stories that have a name: one file each, nothing in it but data."""
