"""Where the facts of a test go."""

TAKEN = []


def take(facts):
    TAKEN.extend(facts)
