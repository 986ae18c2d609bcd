"""The model card in the Hub's format: metadata as YAML, with figures in model-index form, then words for people."""

from collections.abc import Iterator
from typing import Any

import yaml

from ..evaluate.report.table import markdown_table, remarks
from ..page.render import templates
from ..protocols.verification import verification_rows
from ..report import about
from ..signature import one
from .handed import Facts

TASK = {"type": "face-verification", "name": "Face verification"}

_ALSO = ("accuracy_exact", "fold_tar_at_far")
"""Rules of figures that the card does not show."""


def card(facts: Facts, license_: str | None = None) -> str:
    """The text of ``README.md`` on the Hub.

    Args:
        license_: an identifier of the Hub's, such as ``apache-2.0``; nothing is claimed where None.
    """
    rules = remarks({facts.handed.name: facts.judged.figures})
    template = templates(__package__, escaped=False).get_template("card.md")
    return template.render(
        metadata=yaml.safe_dump(metadata(facts, license_), sort_keys=False, allow_unicode=True).strip(),
        facts=facts,
        handed=facts.handed,
        license=license_,
        figures=markdown_table(("figure", "%", "95 % interval"), list(_figures(facts))),
        groups=list(_groups(facts)),
        trained=list(about.trained(facts.handed.run, facts.handed.network)) if facts.handed.run else [],
        files=_files(facts),
        rules=[rule for rule in rules if not rule.startswith(_ALSO)],
    )


def metadata(facts: Facts, license_: str | None) -> dict[str, Any]:
    """What the Hub reads."""
    stated = {} if license_ is None else {"license": license_}
    return {
        **stated,
        "library_name": "facedistill",
        "pipeline_tag": "image-feature-extraction",
        "tags": list(_tags(facts)),
        "model-index": [{"name": facts.handed.name, "results": [_result(facts)]}],
    }


def _tags(facts: Facts) -> Iterator[str]:
    yield from ("face-recognition", "face-verification")
    run = facts.handed.run
    if run is not None:
        yield one(run.recipe.model, "model")[0]
        yield from ("knowledge-distillation",) if run.recipe.teacher else ()
    if facts.handed.package is not None:
        yield from dict.fromkeys(entry["target"] for entry in facts.handed.package.files.values())


def _result(facts: Facts) -> dict[str, Any]:
    """Every figure on the one set of people that it was judged by; shares, as the Hub has them."""
    kind = "drawn-faces" if facts.people.drawn else "faces"
    metrics = [
        {
            "type": row.figure.partition(" at ")[0].lower(),
            "name": row.figure,
            "value": row.value,
            "args": {"interval_95": list(row.interval or ()), "over": "people"},
        }
        for row in verification_rows(facts.judged.figures)
    ]
    return {"task": TASK, "dataset": {"type": kind, "name": facts.people.name}, "metrics": metrics}


def _figures(facts: Facts) -> Iterator[tuple[str, ...]]:
    for row in verification_rows(facts.judged.figures):
        low, high = row.interval or (row.value, row.value)
        yield row.figure, f"{100 * row.value:.2f}", f"{100 * low:.2f} to {100 * high:.2f}"


def _groups(facts: Facts) -> Iterator[str]:
    """How unevenly errors fall, where groups are known."""
    for far, at in facts.judged.figures.get("groups", {}).items():
        for error, ratio in at["ratios"].items():
            times = ratio["highest_over_lowest"]
            said = "without end" if times is None else f"{times:.2f}"
            yield f"{error.upper()} at FMR {far} over all: highest over lowest group {said}"


def _files(facts: Facts) -> str | None:
    """What was exported, as its gate saw it."""
    if facts.handed.package is None:
        return None
    columns = ("file", "KiB", "least cosine to the network", "mean", "threshold")
    return markdown_table(columns, list(_rows(facts)))


def _rows(facts: Facts) -> Iterator[tuple[str, ...]]:
    assert facts.handed.package is not None
    thresholds = facts.handed.package.thresholds
    for name, entry in facts.handed.package.files.items():
        known, parity = thresholds.get(name), entry["parity"]
        threshold = "" if known is None else f"{known['threshold']:.4f} for FMR {known['fmr']:g}"
        cosines = (f"{parity[key]:.5f}" for key in ("min_cosine", "mean_cosine"))
        yield f"export/{name}", f"{entry['bytes'] / 1024:,.0f}", *cosines, threshold
