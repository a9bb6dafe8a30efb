"""Batch predictions: submitted, split into chunks, worked off under leases, finished, expired."""
