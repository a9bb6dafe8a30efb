"""Views of version 1."""
