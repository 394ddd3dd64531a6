"""The subcommands that ask a running Springtide, or tell it something: thin clients of the gateway."""
