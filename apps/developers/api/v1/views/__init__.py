"""HTTP in, one call inward, HTTP out; one file a kind of resource."""
