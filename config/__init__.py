"""Wires the applications together: settings, URLs, workers, the embedded servers and the demo. Nothing imports it."""
