"""The applications: one folder a thing that changes for its own reasons."""
