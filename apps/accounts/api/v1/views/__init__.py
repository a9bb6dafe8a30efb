"""HTTP in, one call inward, HTTP out."""
