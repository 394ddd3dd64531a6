"""Subcommands of `springtide` that this package offers."""
