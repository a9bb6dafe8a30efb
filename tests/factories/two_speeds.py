"""One list, answered by tuples and by models with a serializer."""

from __future__ import annotations


def both_answers(client, view, url, monkeypatch):
    """The bytes of a list of a view, first as it is set up to answer, then the slow way."""
    quick = client.get(url)
    with monkeypatch.context() as patched:
        patched.setattr(view, "at_second_speed", False)
        slow = client.get(url)
    assert quick.status_code == slow.status_code == 200, quick.content
    assert quick.headers.get("Link") == slow.headers.get("Link")
    return quick.content, slow.content


def both_walks(client, view, url, monkeypatch):
    """All pages of a list both ways, one after the other."""
    while url is not None:
        quick, slow = both_answers(client, view, url, monkeypatch)
        yield quick, slow
        url = client.get(url).json()["next"]
