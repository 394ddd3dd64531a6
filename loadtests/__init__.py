"""Load tests: the traffic of a scenario's cut-off against a running Springtide, over real sockets."""
