"""The runtime before a real Tryton."""
