"""Evaluations and sweeps on the workers of a Dask cluster."""
