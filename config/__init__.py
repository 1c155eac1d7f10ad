"""Wires the applications together: settings, URLs, workers, embedded servers and demo. No other package imports it."""
