"""What can go wrong with categories, products and variants."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError


class InvalidCatalogueError(InvalidError):
    """Names, attributes, options or prices that cannot be right; `errors` says which and where."""


# -- Categories


class CategoryNotFoundError(NotFoundError):
    """None of that id."""

    code = "category_not_found"
    title = "There is no such category."


class CategorySlugTakenError(ConflictError):
    """Addresses are unique: take another slug, or leave it out and one is made of the name."""

    code = "category_slug_taken"
    title = "Another category has this slug."


class CategoryCycleError(ConflictError):
    """A category cannot lie below itself; `parent_id` names it or one of those below it."""

    code = "category_cycle"
    title = "A category cannot be moved below itself."


class CategoryTooDeepError(ConflictError):
    """The tree has at most `deepest` levels, and a branch moves with all that is below it."""

    code = "category_too_deep"
    title = "The tree of categories would become too deep."


class CategoryNotEmptyError(ConflictError):
    """Move or delete what lies in it first: `children` categories, `products` products."""

    code = "category_not_empty"
    title = "The category has categories or products in it."


class TooManyCategoriesError(ConflictError):
    """The tree is answered whole, so that there can be only so many; delete one first."""

    code = "too_many_categories"
    title = "There are as many categories as there may be."


# -- Products


class ProductNotFoundError(NotFoundError):
    """None of that id or slug. Drafts and archived products are there for the catalogue's staff."""

    code = "product_not_found"
    title = "There is no such product."


class SlugTakenError(ConflictError):
    """Addresses are unique: take another slug, or leave it out and one is made of the name.

    A product that is archived keeps its slug.
    """

    code = "slug_taken"
    title = "Another product has this slug."


class ProductStatusError(ConflictError):
    """A draft becomes active or archived, an active one archived, an archived one active again.

    What has been shown to everybody cannot become a draft again. `present` is what it is,
    `allowed` what it may become.
    """

    code = "product_status_conflict"
    title = "The product's status cannot become that."


class NothingToSellError(ConflictError):
    """An active product has at least one active variant, so that there is something to buy.

    Add or activate a variant first, or archive the product.
    """

    code = "nothing_to_sell"
    title = "An active product needs an active variant."


# -- Variants


class VariantNotFoundError(NotFoundError):
    """The product has none of that id, or it is not active."""

    code = "variant_not_found"
    title = "The product has no such variant."


class SkuTakenError(ConflictError):
    """A SKU names one variant of the whole catalogue, and two may not differ in case alone.

    Variants that are not active, and those of archived products, keep theirs; change it there to
    have it free.
    """

    code = "sku_taken"
    title = "Another variant has this SKU."


class CurrencyConflictError(ConflictError):
    """All active variants of a product have one currency: `currency`, at present.

    Sell in another currency by a product of its own, or deactivate the others first.
    """

    code = "currency_conflict"
    title = "The product's other variants are in another currency."


class OptionsTakenError(ConflictError):
    """Whoever buys chooses by the options, so that two active variants cannot have the same."""

    code = "options_taken"
    title = "Another active variant of the product has the same options."


class TooManyVariantsError(ConflictError):
    """A product is answered with all its variants, so that it can have only so many."""

    code = "too_many_variants"
    title = "The product has as many variants as it may have."
