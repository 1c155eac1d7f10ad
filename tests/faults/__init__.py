"""Workers and brokers that are killed: real processes, and what must be true afterwards."""
