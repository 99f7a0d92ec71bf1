"""The terms of the page, each in a sentence or two: shown on hover, and in the glossary."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

TERMS = {
    "W": "The unembedding matrix, one row per vocabulary entry: it maps the last layer's output to "
    "the logits of the next token.",
    "H": "Final-layer representations: the output of the last norm at the last token of held-out "
    "passages, one row per passage. W is multiplied with them.",
    "d": "The model's width: the number of columns of W and of H.",
    "effective rank": "exp of the entropy of p = σ / Σσ, with σ the singular values (Roy and "
    "Vetterli 2007). R(W) is that of W, often in % of d: 100 % if W is spread evenly over all "
    "directions.",
    "metric": "A number computed from a matrix of a model, mostly from its singular values.",
    "outcome": "What a metric might tell: a loss or a task's score.",
    "loss": "Cross-entropy on held-out text in bits per byte; lower is better. It does not depend "
    "on the tokenizer.",
    "score": "How good a model is at a task, such as its accuracy.",
    "training choices": "What the study varied: size, tokens, batch size, weight decay, learning "
    "rate and the like. Together they are the design.",
    "ρ": "Spearman's rank correlation, from -1 to 1. Raw: nothing else is taken into account.",
    "ρ within sizes": "The mean of the raw ρ within each model size. If it has the other sign than "
    "the raw ρ over all sizes, that one is due to the sizes.",
    "partial ρ": "The paper's: Spearman's ρ given the ranked training choices, whose effects it "
    "takes to add up in ranks.",
    "residual ρ": "Spearman's ρ of what is left of both after regression on the training choices, "
    "whose effects may be curved and differ by size. The controlled association of this page.",
    "within-cell ρ": "ρ among models that differ in the seed alone: no training choice can "
    "produce it.",
    "ΔR²": "How much better an outcome is predicted with the metric than without it. Over all "
    "choices: the share of the variance that the training choices leave unexplained. The paper's "
    "baseline is size, compute and tokens.",
    "q": "A p value corrected for the number of metrics (Benjamini and Hochberg): among findings "
    "with q below 0.05, one in twenty is expected to be false.",
    "95 % intervals": "From a bootstrap over cells of the design. An interval that contains 0 does "
    "not show that there is nothing.",
    "cell": "A size and a configuration; its models differ in the seed alone.",
    "τ": "AdamW's memory in steps, 1 / (learning rate × weight decay): its weights are an average "
    "over about that many. After few steps per τ a model still is its initialisation.",
    "saturated": "The loss rises late in training by more than noise explains.",
    "confounding": "A training choice moves rank and loss, so that they go together without either "
    "acting on the other.",
}
"""Term to its meaning; formulas of single metrics are in the page's table of metrics."""


def glossary(domains: Mapping[str, str]) -> dict[str, str]:
    """All terms, and the study's held-out domains with their sources.

    Args:
        domains: name of a domain to its source; empty where others measured and it is not known.
    """
    return TERMS | {name: _domain(name, source) for name, source in domains.items()}


def _domain(name: str, source: str) -> str:
    usual = {"id": "text like the training text", "ood": "other text", "code": "program code"}
    what = f"Held-out text: {usual[name]}" if name in usual else "Held-out text"
    return f"{what} ({source})." if source else f"{what}."


def slug(term: str) -> str:
    """A term as part of an HTML id."""
    return re.sub(r"\W+", "-", term).strip("-")


def link_to_term(terms: Mapping[str, str], name: str, shown: str = "") -> Markup:
    """A link to a term's entry that shows its meaning on hover.

    Args:
        terms: the glossary.
        name: an entry, which may begin with a capital where a sentence does.
        shown: the words of the link, if not the name.

    Raises:
        KeyError: if the term has no entry.
    """
    entry = name if name in terms else name.lower()
    return Markup('<a class="term" href="#term-{}" title="{}">{}</a>').format(
        slug(entry), terms[entry], escape(shown or name)
    )
