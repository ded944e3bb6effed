"""The final results of runs, as the rows of one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vpt_gym.learning.evaluate import wilson_interval
from vpt_gym.report.record import as_text, is_number

_LONGEST = 200  # characters of a value in the table
_MOST_EPISODES = 10**12


@dataclass(frozen=True)
class SuccessRate:
    """The successes in a number of episodes."""

    successes: int
    episodes: int

    @property
    def rate(self) -> float:
        """Share of episodes that succeeded."""
        return self.successes / self.episodes

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson 95 % interval of ``rate``."""
        return wilson_interval(self.successes, self.episodes)


def rows_of(results: Mapping[str, Any], *, above: str = "") -> Iterator[tuple[str, SuccessRate | str]]:
    """Yields the name and the value of each row.

    A dict with ``"successes"`` and ``"episodes"``, as :meth:`vpt_gym.learning.evaluate.Evaluation.summary` returns it,
    is one row. Of other dicts each number and text is a row. Of the dicts in a list, such as the rounds of DAgger,
    the success rates are rows, named by its number and the first text in it. The machine is left out:
    it is among the settings.
    """
    for name, value in results.items():
        if name == "machine":
            continue
        path = f"{above} · {name}" if above else str(name)
        if isinstance(value, dict):
            rate = _success_rate(value)
            if rate is None:
                yield from rows_of(value, above=path)
            else:
                yield path, rate
        elif isinstance(value, list):
            entries = {_label(entry, number): entry for number, entry in enumerate(value, 1) if isinstance(entry, dict)}
            yield from (row for row in rows_of(entries, above=path) if isinstance(row[1], SuccessRate))
        elif is_number(value):
            yield path, f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
        elif isinstance(value, str | bool):
            text = as_text(value)
            yield path, text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _label(entry: Mapping[str, Any], number: int) -> str:
    return " ".join([str(number), *(value for value in entry.values() if isinstance(value, str))][:2])


def _success_rate(value: Mapping[str, Any]) -> SuccessRate | None:
    successes, episodes = value.get("successes"), value.get("episodes")
    if (
        type(successes) is int
        and type(episodes) is int
        and 0 <= successes <= episodes
        and 0 < episodes < _MOST_EPISODES
    ):
        return SuccessRate(successes, episodes)
    return None
