"""A person's own timesheet export, read without losing or inventing a row."""
