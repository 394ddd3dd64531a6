"""Tests of what the load generator is made of, without Locust and without sockets."""
