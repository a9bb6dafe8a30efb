"""The clients' door."""
