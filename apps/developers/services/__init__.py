"""Everything that changes an application, its credentials or who has which plan."""
