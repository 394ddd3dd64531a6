"""Subcommands of `springtide` that put load on a running one."""
