"""Shapes of version 1 of the machine learning endpoints."""
