"""Currencies of countries. countryinfo gives ISO codes; the names are ours, in their bare form ("peso")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from introbench_tasks.hint_facts.generate.choices import pick, word_distractors
from introbench_tasks.hint_facts.generate.countries import Country, countries
from introbench_tasks.hint_facts.generate.countries_audit import NOT_ASKED_CURRENCY
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random

__all__ = ["CODES_WITHOUT_MONEY", "CURRENCY_NAMES", "currencies", "currency_name", "families_of", "family"]

KIND = "currencies"

CURRENCY_OF = (
    "What is the currency of {country}?",
    "What is the official currency of {country}?",
    "What is the national currency of {country}?",
)
COUNTRY_OF = (
    "Which country uses the {currency} as its currency?",
    "In which country is the {currency} the national currency?",
)

CODES_WITHOUT_MONEY = frozenset("CHE CHW CLF BOV UYI USN USS".split())
"""Units of account that countryinfo lists beside a country's money."""

CURRENCY_NAMES = {
    code: name.strip().replace("_", " ")
    for name, codes in (line.split(": ") for line in """
    afghani: AFN
    ariary: MGA
    baht: THB
    balboa: PAB
    birr: ETB
    bolivar: VEF
    boliviano: BOB
    cedi: GHS
    colón: CRC SVC
    convertible_mark: BAM
    córdoba: NIO
    dalasi: GMD
    denar: MKD
    dinar: DZD BHD IQD JOD KWD LYD RSD TND
    dirham: MAD AED
    dobra: STD
    dollar: AUD BBD BZD BND CAD FJD GYD JMD LRD NAD NZD SBD SGD SRD TTD USD XCD BSD
    dong: VND
    dram: AMD
    escudo: CVE
    euro: EUR
    forint: HUF
    franc: BIF XAF XOF KMF CDF DJF GNF CHF RWF
    gourde: HTG
    guarani: PYG
    hryvnia: UAH
    kina: PGK
    kip: LAK
    koruna: CZK
    krona: SEK ISK
    krone: DKK NOK
    kuna: HRK
    kwacha: MWK ZMK
    kwanza: AOA
    kyat: MMK
    lari: GEL
    lek: ALL
    lempira: HNL
    leone: SLL
    leu: MDL RON
    lev: BGN
    lilangeni: SZL
    lira: TRY
    loti: LSL
    manat: AZN TMT
    metical: MZN
    naira: NGN
    nakfa: ERN
    ngultrum: BTN
    ouguiya: MRO
    pa'anga: TOP
    peso: ARS CLP COP CUC CUP DOP MXN PHP UYU
    pound: EGP GBP LBP SDG SSP SYP
    pula: BWP
    quetzal: GTQ
    rand: ZAR
    real: BRL
    rial: IRR OMR YER
    riel: KHR
    ringgit: MYR
    riyal: QAR SAR
    ruble: BYR RUB
    rufiyaa: MVR
    rupee: INR MUR NPR PKR SCR LKR
    rupiah: IDR
    shilling: KES SOS TZS UGX
    sol: PEN
    som: KGS UZS
    somoni: TJS
    taka: BDT
    tala: WST
    tenge: KZT
    tugrik: MNT
    vatu: VUV
    won: KPW KRW
    yen: JPY
    yuan: CNY
    zloty: PLN
    """.strip().splitlines())
    for code in codes.split()
}  # fmt: skip
"""Bare names by ISO code. Codes replaced since (BYR, MRO, SLL, STD, ZMK) kept their names."""

FAMILIES = (
    ("krone", "krona", "koruna"),
    ("rial", "riyal", "real", "riel"),
    ("rupee", "rupiah", "rufiyaa"),
    ("dinar", "denar"),
    ("som", "somoni"),
    ("pound", "lira"),
    ("lev", "leu", "lek"),
    ("dollar", "pa'anga"),
)
"""Names that are one word in different tongues, or that texts confuse. They never stand side by side, and no question
asks for the country of one of them."""

NO_DOLLAR_DISTRACTOR = frozenset(("North America", "South America"))
"""Continents where the US dollar is accepted in many places beside the national money."""


def family(name: str) -> str:
    """The first name of the family that a currency name belongs to; the name itself where it stands alone."""
    return next((names[0] for names in FAMILIES if name in names), name)


def currency_name(country: Country) -> str | None:
    """The bare name of a country's only currency, or None where it must not be asked about."""
    names = {CURRENCY_NAMES[code] for code in country.currencies if code not in CODES_WITHOUT_MONEY}
    if country.code in NOT_ASKED_CURRENCY or len(names) != 1:
        return None
    return names.pop()


def families_of(country: Country) -> frozenset[str]:
    """Families of every currency that countryinfo lists for a country."""
    return frozenset(family(CURRENCY_NAMES[code]) for code in country.currencies if code not in CODES_WITHOUT_MONEY)


def currencies() -> Iterator[Draft]:
    """The currency of a country, and the country of a currency that one country alone has."""
    asked = {country: name for country in countries() if (name := currency_name(country)) is not None}
    users = Counter(name for country in countries() for name in families_of(country))
    for country, name in asked.items():
        rng = fact_random(KIND, country.code, "currency")
        question = pick(rng, CURRENCY_OF).format(country=country.in_text)
        near = [other for its, other in asked.items() if its.part == country.part]
        usable = [_usable(names, country) for names in (near, list(asked.values()))]
        distractors = word_distractors(rng, name, usable, clash=lambda a, b: family(a) == family(b))
        yield Draft(KIND, country.cluster, question, name, distractors)

        confused = any(name in names for names in FAMILIES)
        given_away = name[:4].casefold() in country.name.casefold()
        if users[name] == 1 and not confused and not given_away:
            rng = fact_random(KIND, country.code, "country")
            question = pick(rng, COUNTRY_OF).format(currency=name)
            others = [its.name for its in asked if its is not country]
            distractors = word_distractors(rng, country.name, [others])
            yield Draft(KIND, country.cluster, question, country.name, distractors)


def _usable(names: list[str], country: Country) -> list[str]:
    barred = set(families_of(country))
    if country.continent in NO_DOLLAR_DISTRACTOR:
        barred.add("dollar")
    return [name for name in names if family(name) not in barred]
