"""Numbers from the deployed artifact: accuracy, latency, memory, parity."""
