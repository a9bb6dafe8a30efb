"""What somebody typed into a search box, as a question to PostgreSQL's full text search.

Every word must be found, in the name, the words beside it or the description; the last one may be
the beginning of a word, since it is still being typed. "red shoes" in quotes stand together, -red
must not be there. Whatever is typed is a question: no text is an error of syntax.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, Final

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, Value, When
from django.db.models.functions import Cast, Lower

from apps.products.models import Product, Variant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

WORDS_MAX: Final = 8  # of one search
WORD_LENGTH_MAX: Final = 100  # characters of a word that are looked for; a lexeme has 2,046 bytes
RANKED_MAX: Final = 1_000  # products that are put in order of relevance: the best-selling

TERM: Final = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)(?:"|$)|(?P<word>[^\s"]+))')
SIMPLE, ENGLISH = "simple", "english"
"""Text search configurations: words as they are, and English ones by their stems."""

# PostgreSQL's english.stop: words that descriptions are not indexed by.
ENGLISH_STOP: Final = """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself
    she her hers herself it its itself they them their theirs themselves what which who whom
    this that these those am is are was were be been being have has had having do does did doing
    a an the and but if or because as until while of at by for with about against between into
    through during before after above below to from up down in out on off over under again
    further then once here there when where why how all any both each few more most other some
    such no nor not only own same so than too very s t can will just don should now
"""
STOP_WORDS: Final = frozenset(ENGLISH_STOP.split())

# What a hit is worth, each more than all below it together: an integer, since a page begins behind
# a number that was read from a cursor, and a float4 is not the number it is written as.
SKU_HIT: Final = 400_000_000
EXACT_NAME: Final = 200_000_000
IN_NAME: Final = 50_000_000
IN_NAME_OR_TERMS: Final = 10_000_000
RANK_SCALE: Final = 1_000_000  # of ts_rank, which is from 0 to 1


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or some that stand together.

    Attributes:
        text: as it was typed.
        is_excluded: must not be there.
        is_prefix: may be the beginning of a word.
    """

    text: str
    is_excluded: bool = False
    is_prefix: bool = False


def terms_of(text: str) -> list[Term]:
    """What is looked for; signs that belong to no word are nothing.

    Raises:
        ValueError: more than WORDS_MAX words.
    """
    found = [_term(match) for match in TERM.finditer(text)]
    terms = [term for term in found if any(map(str.isalnum, term.text))]
    if sum(len(term.text.split()) for term in found) > WORDS_MAX:
        raise ValueError(text)
    return terms


def _term(match: re.Match[str]) -> Term:
    text: str = match["phrase"] if match["word"] is None else match["word"]
    is_last_word = match["word"] is not None and not match.string[match.end() :].strip()
    excluded = bool(match["minus"])
    return Term(text, excluded, is_last_word and not excluded)


def without_accents(text: str) -> str:
    """Letters alone: "Crème brûlée" as "Creme brulee" (NFKD without its combining marks)."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(each for each in parts if not unicodedata.combining(each))


def found_by(rows: QuerySet[Product], text: str) -> QuerySet[Product]:
    """Those that have every word of a search; none when nothing is looked for but signs."""
    terms = terms_of(text)
    wanted = _that_count(terms)
    if not wanted:
        return rows.none()
    question = reduce(and_, [*map(_wanted, wanted), *map(_unwanted, _excluded(terms))])
    return rows.filter(search=question)


def by_relevance(rows: QuerySet[Product], text: str) -> QuerySet[Product]:
    """The same rows with `distance`: the smaller, the better is the hit.

    Of more than RANKED_MAX rows these are the best-selling, and the one whose SKU was typed: to
    rank is to read every hit, and a list of 100,000 hits is read by nobody.

    Args:
        rows: found by this text, narrowed already by whatever else was asked.
        text: what was typed.
    """
    wanted = _that_count(terms_of(text))
    if not wanted:
        return rows.none().annotate(distance=Value(0))
    best = rows.order_by("-popularity", "-id").values("pk")[:RANKED_MAX]
    named = rows.order_by().filter(pk__in=_with_sku(text).values("product_id")).values("pk")
    ranked = Product.objects.filter(pk__in=best.union(named))
    return ranked.annotate(distance=Value(0) - _worth(text, wanted))


def _worth(text: str, wanted: Sequence[Term]) -> Any:  # noqa: ANN401 - an expression
    """What kind of hit it is, then how often and how near the words stand."""
    everywhere, in_name, in_terms = (
        reduce(and_, [_wanted(term, labels) for term in wanted]) for labels in ("", "A", "AB")
    )
    return (
        _points(SKU_HIT, Exists(_with_sku(text).filter(product_id=OuterRef("pk"))))
        + _points(EXACT_NAME, name__iexact=text.strip())
        + _points(IN_NAME, search=in_name)
        + _points(IN_NAME_OR_TERMS, search=in_terms)
        + Cast(SearchRank(F("search"), everywhere) * RANK_SCALE, IntegerField())
    )


def _points(points: int, *conditions: Any, **lookups: Any) -> Case:  # noqa: ANN401 - of Q
    return Case(
        When(Q(*conditions, **lookups), then=Value(points)),
        default=Value(0),
        output_field=IntegerField(),
    )


def _with_sku(text: str) -> QuerySet[Variant]:
    """The variant that has this SKU, in capitals or not."""
    return Variant.objects.alias(lower=Lower("sku")).filter(lower=text.strip().lower(), active=True)


def _that_count(terms: Sequence[Term]) -> list[Term]:
    """Those that must be there: of stop words none, unless there is nothing else."""
    wanted = [term for term in terms if not term.is_excluded]
    return [term for term in wanted if term.text.lower() not in STOP_WORDS] or wanted


def _excluded(terms: Sequence[Term]) -> list[Term]:
    return [term for term in terms if term.is_excluded]


def _wanted(term: Term, labels: str = "") -> Any:  # noqa: ANN401 - a query, or several combined
    """As it stands or, without a prefix, by its stem: `univers:*` would find universities.

    Args:
        term: what is looked for.
        labels: weights that count; empty: all.
    """
    simple = _operand(term, ("*" if term.is_prefix else "") + labels)
    english = _operand(term, labels)
    return _query(simple, SIMPLE) | _query(english, ENGLISH)


def _unwanted(term: Term) -> Any:  # noqa: ANN401 - as above
    return ~_query(_operand(term, ""), SIMPLE) & ~_query(_operand(term, ""), ENGLISH)


def _query(operand: str, config: str) -> SearchQuery:
    return SearchQuery(operand, config=config, search_type="raw")


def _operand(term: Term, flags: str) -> str:
    """Text in the quotes of to_tsquery, which parses it as it has parsed the documents.

    Source: https://www.postgresql.org/docs/current/textsearch-controls.html, 12.3.2.
    """
    lower = term.text.lower()
    spellings = dict.fromkeys([lower, without_accents(lower)])
    suffix = f":{flags}" if flags else ""
    return " | ".join(f"{_quoted(spelling)}{suffix}" for spelling in spellings)


def _quoted(text: str) -> str:
    cut = text[:WORD_LENGTH_MAX].replace("\\", "\\\\").replace("'", "''")
    return f"'{cut}'"
