"""Measures the engine beside its peers: ratios in one run, on one file, threads and prompts."""
