"""`db check`: whether the database holds together, and whether what is published is what it knows of."""

from __future__ import annotations

from aggregator import pipeline, publish
from aggregator.means import Means
from aggregator.model import digest
from aggregator.store import documents, integrity
from aggregator.store.integrity import Finding


def findings(means: Means) -> list[Finding]:
    """What is wrong; reads every page of the database and every published file, and changes nothing."""
    with means.database.read() as connection:
        found = list(integrity.findings(connection))
    differing = _differing(means)
    if differing:
        found.append(Finding("published files that are missing or differ", len(differing), differing[0]))
    return found


def repair(means: Means) -> None:
    """Mend what can be mended, then group and publish. For the one writer."""
    with means.database.write() as connection:
        integrity.mend(connection)
    differing = _differing(means)
    with means.database.write() as connection:
        documents.distrust(connection, differing)
    pipeline.group(means)
    pipeline.publish(means)


def _differing(means: Means) -> list[str]:
    with means.database.read() as connection:
        rows = [(row.path, row.digest) for row in documents.all_of_them(connection)]
    return [path for path, known in rows if (data := publish.read(means.root, path)) is None or digest(data) != known]
