"""Capitals, borders and continents of sovereign countries."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from introbench_tasks.hint_facts.generate.choices import begins_another, pick, word_distractors
from introbench_tasks.hint_facts.generate.countries import Borders, Country, borders, countries
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random

__all__ = ["border_choices", "capital_cities", "capital_countries", "continents", "land_borders"]

CAPITAL_OF = (
    "What is the capital of {country}?",
    "Which city is the capital of {country}?",
    "What is the capital city of {country}?",
)
COUNTRY_OF = (
    "Which country has {capital} as its capital?",
    "{capital} is the capital of which country?",
    "Of which country is {capital} the capital?",
)
BORDERING = (
    "Name a country that shares a land border with {country}.",
    "Which country shares a land border with {country}?",
    "Which country has a land border with {country}?",
)
CONTINENT_OF = ("On which continent is {country}?", "What continent is {country} in?")
PART_OF_THE_WORLD_OF = ("In which part of the world is {country}?", "Which part of the world does {country} belong to?")

CONTINENTS = ("Africa", "Asia", "Europe", "North America", "Oceania", "South America")


def _capital_is_asked(country: Country) -> bool:
    """Whether the capital is sure and the names do not give each other away (Kuwait City, Tunis)."""
    city, name = country.capital.casefold(), country.name.casefold()
    return bool(city) and not any(a[:5] in b for a, b in ((city, name), (name, city)))


def _near_to_far(country: Country, asked: list[Country], word: Callable[[Country], str]) -> list[list[str]]:
    """Words of the other countries: of the same part of the world, of the continent, of all."""
    others = [other for other in asked if other is not country]
    near = [word(other) for other in others if other.part == country.part]
    far = [word(other) for other in others if other.continent == country.continent]
    return [near, far, [word(other) for other in others]]


def capital_cities() -> Iterator[Draft]:
    """The capital of a country, among capitals of its part of the world."""
    kind = "capitals"
    asked = [country for country in countries() if _capital_is_asked(country)]
    for country in asked:
        rng = fact_random(kind, country.code, "draws")
        question = pick(rng, CAPITAL_OF).format(country=country.in_text)
        pools = _near_to_far(country, asked, lambda other: other.capital)
        distractors = word_distractors(rng, country.capital, pools)
        yield Draft(kind, country.cluster, question, country.capital, distractors)


def capital_countries() -> Iterator[Draft]:
    """The country of a capital."""
    kind = "capital_countries"
    asked = [country for country in countries() if _capital_is_asked(country)]
    for country in asked:
        rng = fact_random(kind, country.code, "draws")
        question = pick(rng, COUNTRY_OF).format(capital=country.capital)
        pools = _near_to_far(country, asked, lambda other: other.name)
        distractors = word_distractors(rng, country.name, pools)
        yield Draft(kind, country.cluster, question, country.name, distractors)


def continents() -> Iterator[Draft]:
    """The continent of a country; for Oceania, which is none in the strict sense, its part of the world."""
    kind = "continents"
    for country in countries():
        if not country.continent_is_sure:
            continue
        rng = fact_random(kind, country.code, "draws")
        wordings = PART_OF_THE_WORLD_OF if country.continent == "Oceania" else CONTINENT_OF
        question = pick(rng, wordings).format(country=country.in_text)
        distractors = word_distractors(rng, country.continent, [CONTINENTS])
        yield Draft(kind, country.cluster, question, country.continent, distractors)


def land_borders() -> Iterator[Draft]:
    """A neighbour of a country, among countries of the continent that certainly do not touch it.

    A border is one fact about two countries, so each is used for one of them only.
    """
    kind = "borders"
    known = borders(countries())
    by_code = {country.code: country for country in countries()}
    for code, neighbour in sorted(border_choices(known).items()):
        country, answer = by_code[code], by_code[neighbour]
        rng = fact_random(kind, code, "draws")
        question = pick(rng, BORDERING).format(country=country.in_text)
        distractors = word_distractors(rng, answer.name, _strangers(country, answer, known))
        yield Draft(kind, country.cluster, question, answer.name, distractors)


def _strangers(country: Country, answer: Country, known: Borders) -> tuple[list[str], list[str]]:
    """Names of countries with land borders that do not touch a country: in its part of the world, and elsewhere."""
    near, far = [], []
    for other in countries():
        if other.code in (country.code, answer.code) or frozenset((country.code, other.code)) in known.possible:
            continue
        if not known.neighbours(other.code) or begins_another(other.name, [country.name]):
            continue
        if other.part in (country.part, answer.part):
            near.append(other.name)
        elif other.continent in (country.continent, answer.continent) or other.region == country.region:
            far.append(other.name)
    return near, far


def border_choices(known: Borders) -> dict[str, str]:
    """For as many countries as possible one neighbour each, such that no border is used twice.

    Countries with few neighbours choose first; where a choice would use up a border, the earlier chooser moves on to
    another of its neighbours, if it has one (augmenting paths).
    """
    codes = sorted({code for pair in known.sure for code in pair})
    user: dict[frozenset[str], str] = {}

    def choose(code: str, tried: set[frozenset[str]]) -> bool:
        neighbours = known.neighbours(code)
        fact_random("borders", code, "neighbour").shuffle(neighbours)
        for other in neighbours:
            pair = frozenset((code, other))
            if pair in tried:
                continue
            tried.add(pair)
            if pair not in user or choose(user[pair], tried):
                user[pair] = code
                return True
        return False

    for code in sorted(codes, key=lambda code: (len(known.neighbours(code)), code)):
        choose(code, set())
    return {code: next(iter(pair - {code})) for pair, code in user.items()}
