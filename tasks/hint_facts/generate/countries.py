"""Sovereign countries from countryinfo, with the corrections of `countries_audit`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from countryinfo import all_countries

from introbench_tasks.hint_facts.generate import countries_audit as audit

__all__ = ["Borders", "Country", "borders", "countries"]


@dataclass(frozen=True, slots=True)
class Country:
    """A sovereign country.

    Attributes:
        code: ISO 3166-1 alpha-3.
        name: English short name without article, as a choice.
        in_text: the name within a sentence ("the Netherlands").
        capital: name of the capital; empty where it must not be asked about.
        continent: one of six.
        continent_is_sure: whether the continent may be asked about.
        region: name of a smaller part of the world, for plausible distractors.
        currencies: ISO 4217 codes as countryinfo lists them, uncorrected.
        listed_borders: codes of neighbours as countryinfo lists them, uncorrected.
    """

    code: str
    name: str
    in_text: str
    capital: str
    continent: str
    continent_is_sure: bool
    region: str
    currencies: tuple[str, ...]
    listed_borders: tuple[str, ...]

    @property
    def part(self) -> tuple[str, str]:
        """The part of the world that plausible distractors come from."""
        return (self.continent, self.region)

    @property
    def cluster(self) -> str:
        """The cluster of all facts about the country."""
        return f"country:{self.name}"


@cache
def countries() -> tuple[Country, ...]:
    """All countries that may be asked about, by name."""
    found: dict[str, Country] = {}
    for listed in all_countries():
        entry: Mapping[str, object] = listed.info()
        iso = entry.get("ISO")
        code = str(iso.get("alpha3") or "") if isinstance(iso, Mapping) else ""
        if not code or code in audit.NOT_SOVEREIGN or code in audit.LEFT_OUT:
            continue
        if entry["name"] in audit.LEFT_OUT_NAMES:
            continue
        if code in found:
            raise ValueError(f"countryinfo lists {code} twice: {found[code].name} and {entry['name']}")
        found[code] = _country(code, entry)
    return tuple(sorted(found.values(), key=lambda country: country.name))


def _country(code: str, entry: Mapping[str, object]) -> Country:
    name = audit.NAMES.get(code, str(entry["name"]))
    return Country(
        code=code,
        name=name,
        in_text=f"the {name}" if code in audit.ARTICLES else name,
        capital="" if code in audit.NOT_ASKED_CAPITAL else audit.CAPITALS.get(code, str(entry["capital"])),
        continent=_continent(code, str(entry["region"])),
        continent_is_sure=code not in audit.NOT_ASKED_CONTINENT,
        region=str(entry["subregion"]).casefold(),  # countryinfo writes "South-Eastern" as well as "South-eastern"
        currencies=_codes(entry.get("currencies")),
        listed_borders=_codes(entry.get("borders")),
    )


def _continent(code: str, region: str) -> str:
    if region != "Americas":
        return region
    return "South America" if code in audit.SOUTH_AMERICA else "North America"


def _codes(value: object) -> tuple[str, ...]:
    return tuple(str(code) for code in value) if isinstance(value, list) else ()


@dataclass(frozen=True, slots=True)
class Borders:
    """Which countries certainly touch, and which certainly do not.

    Attributes:
        sure: pairs that countryinfo lists on both sides and the audit does not doubt.
        possible: every pair that is listed on either side or doubted; all others are no neighbours.
    """

    sure: frozenset[frozenset[str]]
    possible: frozenset[frozenset[str]]

    def neighbours(self, code: str) -> list[str]:
        """Codes of the certain neighbours of a country."""
        return sorted(other for pair in self.sure if code in pair for other in pair if other != code)


def borders(among: Iterable[Country]) -> Borders:
    """Read the borders between the given countries both ways."""
    listed = {country.code: set(country.listed_borders) for country in among}
    doubts = {frozenset(pair) for pair in audit.BORDER_DOUBTS}
    one_way = {frozenset((code, other)) for code, others in listed.items() for other in others if other in listed}
    both_ways = {pair for pair in one_way if all(listed[a] >= pair - {a} for a in pair)}
    return Borders(sure=frozenset(both_ways - doubts), possible=frozenset(one_way | doubts))
