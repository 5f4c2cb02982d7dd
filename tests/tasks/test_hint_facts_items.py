"""The frozen items of `hint_facts`: what the generator writes, within the rules, keys right by another route."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import TypedDict

import periodictable
import pytest
from countryinfo import CountryInfo

from introbench.hashing import content_hash, named_random
from introbench_tasks.hint_facts.generate import SEED, countries_audit
from introbench_tasks.hint_facts.generate.__main__ import main
from introbench_tasks.hint_facts.generate.assemble import ITEMS_FILE, items_text
from introbench_tasks.hint_facts.generate.countries import countries
from introbench_tasks.hint_facts.generate.currencies import families_of, family
from introbench_tasks.hint_facts.generate.draft import Draft, finish, split_of
from introbench_tasks.hint_facts.generate.word_lists import OPPOSITES, PAST_TENSES, PLURALS, SPELLED_WORDS


class Item(TypedDict):
    id: str
    kind: str
    cluster: str
    split: str
    question: str
    choices: list[str]
    key: int


FROZEN = ITEMS_FILE.read_text(encoding="utf-8")
ITEMS: list[Item] = [json.loads(line) for line in FROZEN.splitlines()]
BY_KIND = {kind: list(found) for kind, found in itertools.groupby(ITEMS, key=lambda item: item["kind"])}
FIELDS = ["id", "kind", "cluster", "split", "question", "choices", "key"]
CHI_SQUARE_3_DF_AT_ONE_PERCENT = 11.345


def answer(item: Item) -> str:
    return item["choices"][item["key"]]


def wrong(item: Item) -> list[str]:
    return [choice for index, choice in enumerate(item["choices"]) if index != item["key"]]


def of_kind(*kinds: str) -> list[Item]:
    return [item for kind in kinds for item in BY_KIND[kind]]


def numbers_in(text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"\d+(?:,\d{3})*", text)]


# The file


def test_the_frozen_file_is_what_the_generator_writes() -> None:
    assert items_text() == FROZEN


def test_check_tells_a_changed_file_from_the_right_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "items.jsonl"
    monkeypatch.setattr("introbench_tasks.hint_facts.generate.__main__.ITEMS_FILE", copy)
    monkeypatch.setattr("introbench_tasks.hint_facts.generate.__main__.items_text", lambda: FROZEN)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    copy.write_text(FROZEN.replace("Paris", "paris"), encoding="utf-8")
    assert main(["--check"]) == 1


def test_there_are_enough_items_kinds_and_clusters() -> None:
    assert len(ITEMS) >= 3_600
    assert len(BY_KIND) >= 10
    assert all(list(item) == FIELDS for item in ITEMS)
    assert len({item["cluster"] for item in ITEMS}) >= 1_500


def test_no_kind_is_rare_or_dominant() -> None:
    assert all(0.03 <= len(items) / len(ITEMS) <= 0.20 for items in BY_KIND.values())


# Ids, clusters and splits


def test_ids_follow_from_the_content_alone() -> None:
    for item in ITEMS:
        digest = content_hash({"question": item["question"], "choices": sorted(item["choices"])})
        assert item["id"] == f"{item['kind']}-{digest[:10]}"
        shuffled = sorted(item["choices"])
        named_random(SEED, "hint_facts", item["id"], "shuffle").shuffle(shuffled)
        assert item["choices"] == shuffled


def test_ids_and_questions_are_unique() -> None:
    assert len({item["id"] for item in ITEMS}) == len(ITEMS)
    assert len({item["question"].casefold() for item in ITEMS}) == len(ITEMS)


def test_no_cluster_straddles_the_splits() -> None:
    splits = defaultdict(set)
    for item in ITEMS:
        splits[item["cluster"]].add(item["split"])
        assert item["split"] == split_of(item["cluster"])
    assert all(len(of_cluster) == 1 for of_cluster in splits.values())
    train = sum(of_cluster == {"train"} for of_cluster in splits.values()) / len(splits)
    assert 0.56 <= train <= 0.64


def test_every_kind_can_be_trained_on_and_tested() -> None:
    for kind, items in BY_KIND.items():
        assert 0.25 <= sum(item["split"] == "test" for item in items) / len(items) <= 0.55, kind


def test_no_pair_of_operands_is_in_two_clusters() -> None:
    clusters = defaultdict(set)
    for item in of_kind("arithmetic"):
        clusters[tuple(sorted(numbers_in(item["question"])))].add(item["cluster"])
    assert all(len(found) == 1 for found in clusters.values())


def test_no_border_is_asked_about_from_both_sides() -> None:
    pairs = [frozenset((item["cluster"].removeprefix("country:"), answer(item))) for item in of_kind("borders")]
    assert len(pairs) == len(set(pairs))


def test_the_word_lists_share_no_word() -> None:
    opposites = [word for _, pairs in OPPOSITES for pair in pairs for word in pair.split("/")]
    lists = [list(SPELLED_WORDS), opposites, [noun for noun, _ in PLURALS], [verb for verb, _ in PAST_TENSES]]
    words = list(itertools.chain.from_iterable(lists))
    assert [word for word, count in Counter(words).items() if count > 1] == []


# Choices


def test_choices_are_four_different_bare_answers() -> None:
    for item in ITEMS:
        assert len(item["choices"]) == 4 and 0 <= item["key"] < 4
        for choice in item["choices"]:
            assert choice == choice.strip() and 0 < len(choice) <= 40 and not choice.endswith(".")
        for one, other in itertools.permutations(item["choices"], 2):  # also says that they are different
            assert not other.casefold().startswith(one.casefold()), item


def test_the_key_stands_at_every_position_alike() -> None:
    counts, expected = Counter(item["key"] for item in ITEMS), len(ITEMS) / 4
    assert sum((counts[position] - expected) ** 2 / expected for position in range(4)) < CHI_SQUARE_3_DF_AT_ONE_PERCENT


@pytest.mark.parametrize(
    "choices", ["4 5 6", "Paris paris Rome Bern", "12 120 7 8", "Paris. Rome Bern Oslo", "a b c " + "x" * 41]
)
def test_a_draft_that_breaks_a_rule_is_refused(choices: str) -> None:
    right, *distractors = choices.split()
    with pytest.raises(ValueError, match="kind"):
        finish(Draft("kind", "cluster", "Question?", right, tuple(distractors)))


def test_questions_are_clean_sentences() -> None:
    for item in ITEMS:
        question = item["question"]
        assert question == question.strip()
        assert question[-1] in "?." and "  " not in question and "{" not in question
        assert question[0].isupper() or question[0].isdigit()
        assert not re.search(r"\bthe the\b|\ba [aeio]\w|\ban [^aeiouh]", question, re.IGNORECASE), question


# Keys by a second route


def test_arithmetic_is_right() -> None:
    signs: dict[str, Callable[[int, int], int]] = {
        r"plus|\+": lambda a, b: a + b,
        r"minus| - ": lambda a, b: a - b,
        r"times|multiplied": lambda a, b: a * b,
        r"divided|divide": lambda a, b: a // b,
    }
    for item in of_kind("arithmetic"):
        a, b = numbers_in(item["question"])
        (compute,) = (compute for pattern, compute in signs.items() if re.search(pattern, item["question"]))
        assert int(answer(item)) == compute(a, b), item
        assert compute is not signs[r"divided|divide"] or a % b == 0


def test_number_order_is_right() -> None:
    for item in of_kind("number_order"):
        listed = numbers_in(item["question"])
        assert sorted(map(str, listed)) == sorted(item["choices"])
        assert int(answer(item)) == (max if "largest" in item["question"] else min)(listed), item


def test_sequences_go_on_by_their_rule() -> None:
    for item in of_kind("sequences"):
        terms = [*numbers_in(item["question"]), int(answer(item))]
        steps = {b - a for a, b in itertools.pairwise(terms)}
        ratios = {b / a for a, b in itertools.pairwise(terms)}
        assert len(steps) == 1 or len(ratios) == 1, item


def read_roman(text: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[sign] for sign in text]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))


def test_roman_numerals_are_right() -> None:
    for item in of_kind("roman_numerals"):
        if answer(item).isdigit():
            (roman,) = re.findall(r"\b[IVXLCDM]{2,}\b", item["question"])
            assert read_roman(roman) == int(answer(item)), item
        else:
            assert [read_roman(answer(item))] == numbers_in(item["question"]), item
            assert all(read_roman(choice) != read_roman(answer(item)) for choice in wrong(item))


MONTHS = [date(2000, month, 1).strftime("%B") for month in range(1, 13)]
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()


def calendar_answer(question: str) -> str:
    """The answer by the calendar of the standard library, from 2 January 2000 (a Sunday) on."""
    if year := re.search(r"leap year.* after (\d+)", question):
        following = int(year[1]) + 1
        while date(following, 12, 31).timetuple().tm_yday == 365:
            following += 1
        return str(following)
    if year := re.search(r"year (\d+)", question):
        return f"{date(int(year[1]), 12, 31).timetuple().tm_yday} days"
    if order := re.search(r"the (\w+) month of the year", question):
        return MONTHS[ORDINALS.index(order[1])]
    months = [month for month in MONTHS if re.search(rf"\b{month}\b", question)]
    if "How many days" in question:
        first = date(2001 if "not a leap year" in question else 2000, MONTHS.index(months[0]) + 1, 1)
        return f"{((first + timedelta(days=31)).replace(day=1) - first).days} days"
    forward = "after" in question or "tomorrow" in question
    if months:
        return MONTHS[(MONTHS.index(months[0]) + (1 if forward else -1)) % 12]
    days = [date(2000, 1, 2) + timedelta(days=shift) for shift in range(7)]
    (today,) = (day for day in days if day.strftime("%A") in question)
    return (today + timedelta(days=1 if forward else -1)).strftime("%A")


def test_the_calendar_is_right() -> None:
    for item in of_kind("calendar"):
        assert answer(item) == calendar_answer(item["question"]), item


IN_BASE_UNITS = {
    "second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800,
    "month": 1, "year": 12, "decade": 120, "century": 1200, "millennium": 12_000,
    "inch": 1, "foot": 12, "yard": 36, "fathom": 72, "mile": 63_360,
    "ounce": 1, "pound": 16, "stone": 224, "US ton": 32_000,
    "teaspoon": 1, "US tablespoon": 3, "cup": 48, "pint": 96, "quart": 192, "gallon": 768,
    "millimeter": 1, "centimeter": 10, "meter": 1000, "kilometer": 1_000_000,
    "milligram": 1, "gram": 1000, "kilogram": 1_000_000, "metric ton": 1_000_000_000,
    "milliliter": 1, "liter": 1000, "square meter": 1, "hectare": 10_000, "watt": 1, "kilowatt": 1000,
    "cent": 1, "nickel": 5, "dime": 10, "quarter": 25, "dollar": 100, "bit": 1, "byte": 8,
    "degree": 1, "full circle": 360, "dozen": 12, "gross": 144,
}  # fmt: skip
"""Units of each quantity in the smallest one that the items use."""


def test_unit_conversions_are_right() -> None:
    for item in of_kind("units"):
        large, small = item["cluster"].removeprefix("units:").split(" and ")
        count = (numbers_in(item["question"]) or [1])[0]
        (total,) = numbers_in(answer(item))
        assert total * IN_BASE_UNITS[small] == count * IN_BASE_UNITS[large], item


def test_letters_are_right() -> None:
    for item in of_kind("letters"):
        question, right = item["question"], answer(item)
        if word := re.search(r'"(\w+)"', question):
            position = 0 if "first" in question or "start" in question else -1
            assert right == word[1][position].upper(), item
            assert not set(wrong(item)) & set(word[1].upper())
        else:
            (letter,) = re.findall(r"\b[A-Z]\b", question)
            assert ord(right) - ord(letter) == (1 if "after" in question else -1), item


def test_elements_are_right() -> None:
    by_number = {int(element.number): element for element in periodictable.elements if 1 <= element.number <= 118}
    by_symbol = {str(element.symbol): element for element in by_number.values()}
    by_name = {str(element.name): element for element in by_number.values()}
    for item in of_kind("element_symbols", "element_numbers"):
        question = item["question"]
        told: list[object] = [by_number[number] for number in numbers_in(question)]
        told += [by_name[word] for word in re.findall(r"[a-z]+", question) if word in by_name]
        told += [by_symbol[sign] for sign in re.findall(r"(?:symbol|for|written) ([A-Z][a-z]?)\b", question)]
        told += [by_number[1]] if "one proton" in question else []
        named = [by_number[int(c)] if c.isdigit() else by_symbol.get(c) or by_name[c.lower()] for c in item["choices"]]
        assert told == [named[item["key"]]], item
        assert len(set(map(id, named))) == 4


COUNTRIES = {country.name: country for country in countries()}


def test_capitals_are_those_of_the_source() -> None:
    known = {name: country.capital for name, country in COUNTRIES.items() if country.capital}
    assert len(set(known.values())) == len(known)
    for item in of_kind("capitals", "capital_countries"):
        name = item["cluster"].removeprefix("country:")
        code = COUNTRIES[name].code
        assert countries_audit.CAPITALS.get(code, CountryInfo(code).capital()) == known[name]
        if item["kind"] == "capitals":
            assert answer(item) == known[name] and name in item["question"]
            assert set(wrong(item)) <= set(known.values())
        else:
            assert answer(item) == name and known[name] in item["question"]
            assert set(wrong(item)) <= set(known)


def test_no_distractor_is_a_neighbour() -> None:
    listed = {country.code: set(CountryInfo(country.code).borders()) for country in COUNTRIES.values()}
    for item in of_kind("borders"):
        asked, key = COUNTRIES[item["cluster"].removeprefix("country:")].code, COUNTRIES[answer(item)].code
        assert key in listed[asked] and asked in listed[key], item
        for code in (COUNTRIES[name].code for name in wrong(item)):
            assert code not in listed[asked] and asked not in listed[code], item
            assert {(code, asked), (asked, code)}.isdisjoint(countries_audit.BORDER_DOUBTS), item


def test_no_distractor_is_a_currency_of_the_country() -> None:
    for item in of_kind("currencies"):
        country = COUNTRIES[item["cluster"].removeprefix("country:")]
        if answer(item) == country.name:
            families = [families_of(COUNTRIES[name]) for name in item["choices"]]
            (money,) = families[item["key"]]
            assert money in item["question"] and sum(money in found for found in families) == 1, item
        else:
            assert families_of(country) == {family(answer(item))}, item
            assert not {family(name) for name in wrong(item)} & families_of(country), item


def test_a_country_on_two_continents_is_not_asked_about() -> None:
    for item in of_kind("continents"):
        code = COUNTRIES[item["cluster"].removeprefix("country:")].code
        assert code not in countries_audit.NOT_ASKED_CONTINENT
        assert CountryInfo(code).region() in {answer(item), "Americas"}


# Facts that everyone knows

KNOWN = """
capital:France=Paris capital:Germany=Berlin capital:Italy=Rome capital:Spain=Madrid capital:Japan=Tokyo
capital:Egypt=Cairo capital:Canada=Ottawa capital:Australia=Canberra capital:Kenya=Nairobi capital:Norway=Oslo
capital:Russia=Moscow capital:Cuba=Havana capital:Kazakhstan=Astana capital:Ukraine=Kyiv capital:Peru=Lima
currency:France=euro currency:Japan=yen currency:India=rupee currency:Poland=zloty currency:Mexico=peso
currency:Switzerland=franc currency:Brazil=real currency:China=yuan currency:Russia=ruble currency:Hungary=forint
continent:Brazil=South_America continent:Canada=North_America continent:Kenya=Africa continent:Japan=Asia
continent:Germany=Europe continent:Fiji=Oceania border:Portugal=Spain border:Canada=United_States border:Denmark=Germany
symbol:iron=Fe symbol:gold=Au symbol:silver=Ag symbol:sodium=Na symbol:potassium=K symbol:lead=Pb symbol:oxygen=O
number:hydrogen=1 number:helium=2 number:carbon=6 number:oxygen=8 number:iron=26 number:copper=29
plural:child=children plural:tooth=teeth past:go=went past:eat=ate opposite:hot=cold opposite:north=south
""".split()

QUESTION_OF = {
    "capital": ("capitals", r" {}\?"),
    "currency": ("currencies", r"currency of {}\?"),
    "continent": ("continents", r" {}( in| belong to)?\?"),
    "border": ("borders", r"with {}[?.]"),
    "symbol": ("element_symbols", r"symbol.* {}\?"),
    "number": ("element_numbers", r"(atomic number|protons).* {}\b"),
    "plural": ("word_forms", r'plural .*"{}"'),
    "past": ("word_forms", r'past .*"{}"'),
    "opposite": ("opposites", r'"{}"'),
}


@pytest.mark.parametrize("fact", KNOWN)
def test_known_facts(fact: str) -> None:
    topic, subject, known = re.split("[:=]", fact)
    kind, pattern = QUESTION_OF[topic]
    found = [answer(item) for item in BY_KIND[kind] if re.search(pattern.format(subject), item["question"])]
    assert found == [known.replace("_", " ")]


LEFT_OUT = {
    "capitals": ("South Africa", "Bolivia", "the Netherlands", "Israel", "Sri Lanka", "Burundi", "Ivory Coast"),
    "currencies": ("Zimbabwe", "Croatia", "Bulgaria", "Panama", "Bhutan", "El Salvador"),
    "continents": ("Russia", "Turkey", "Egypt", "Cyprus", "Kazakhstan"),
}


@pytest.mark.parametrize(("kind", "names"), LEFT_OUT.items())
def test_doubtful_countries_are_left_out(kind: str, names: Iterable[str]) -> None:
    assert [item for item in of_kind(kind) if any(f" {name}?" in item["question"] for name in names)] == []
