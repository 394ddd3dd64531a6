"""Tests of the subcommands that put load on a running Springtide."""
