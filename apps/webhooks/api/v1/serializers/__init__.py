"""Shapes of version 1: what comes in, what goes out."""
