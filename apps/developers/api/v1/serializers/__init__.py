"""Shapes of version 1; one file a kind of resource."""
