"""The prediction log: written off the path of the calls, kept for days, erased when asked."""
