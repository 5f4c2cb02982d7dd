"""What is wrong, dated or doubtful in countryinfo 1.0.1, and what follows from it. Reviewed entry by entry.

Where a country is doubtful for one kind of question, it is left out there, rather than decided by us.
"""

from __future__ import annotations

__all__ = [
    "ARTICLES",
    "BORDER_DOUBTS",
    "CAPITALS",
    "LEFT_OUT",
    "LEFT_OUT_NAMES",
    "NAMES",
    "NOT_ASKED_CAPITAL",
    "NOT_ASKED_CONTINENT",
    "NOT_ASKED_CURRENCY",
    "NOT_SOVEREIGN",
    "SOUTH_AMERICA",
]

NOT_SOVEREIGN = frozenset(
    """
    AIA ALA ANT ASM ATA ATF ABW BES BLM BMU BVT CCK COK CUW CXR CYM ESH FLK FRO GGY GIB GLP GRL GUF GUM HKG HMD IMN IOT
    JEY MAC MAF MNP MSR MTQ MYT NCL NFK NIU PCN PRI PYF REU SGS SHN SJM SPM SXM TCA TKL UMI VGB VIR WLF
    """.split()
)
"""Territories, dependencies and associated states, which are no sovereign countries (ISO codes)."""

LEFT_OUT = {
    "SCG": "Serbia and Montenegro parted in 2006",
    "VAT": "listed twice; city, country and capital are one",
    "ISR": "the capital is disputed, and so are borders",
    "PSE": "the capital and the borders are disputed",
    "TWN": "the status is disputed",
}
"""Entries that no question is about, with the reason. Entries without an ISO code (Scotland) are left out as well."""

LEFT_OUT_NAMES = {
    "Burma": "listed as Myanmar as well",
    "Wales": "listed with the ISO code of the United Kingdom",
}
"""Entries left out by name, as their ISO code belongs to an entry that stays."""

NAMES = {
    "MKD": "North Macedonia",  # renamed in 2019
    "SWZ": "Eswatini",  # renamed in 2018
    "BHS": "Bahamas",
    "GMB": "Gambia",
    "FSM": "Micronesia",
}
"""Names in place of countryinfo's, without an article."""

ARTICLES = frozenset("ARE BHS CAF COD COG COM CZE DOM GBR GMB MDV MHL NLD PHL SLB SYC USA".split())
"""Countries whose name takes "the" within a sentence."""

CAPITALS = {
    "ATG": "St. John's",  # spelt like St. George's
    "KAZ": "Astana",  # called Nur-Sultan from 2019 to 2022
    "USA": "Washington, DC",  # without the final full stop
    "MDA": "Chisinau",  # the English spelling
}
"""Capitals in place of countryinfo's."""

NOT_ASKED_CAPITAL = {
    "BDI": "the capital was moved to Gitega, much of the government stays in Bujumbura",
    "BEN": "Porto-Novo by law, Cotonou in fact",
    "BOL": "Sucre by law, La Paz in fact",
    "CIV": "Yamoussoukro by law, Abidjan in fact",
    "GNQ": "the capital is being moved from Malabo to Ciudad de la Paz",
    "HND": "Tegucigalpa together with Comayagüela",
    "IDN": "the capital is being moved from Jakarta to Nusantara",
    "LKA": "Sri Jayawardenepura Kotte by law, Colombo in trade",
    "NLD": "Amsterdam, with the government in The Hague",
    "NRU": "no capital by law",
    "SWZ": "Mbabane and Lobamba",
    "TZA": "Dodoma by law, and Dar es Salaam is still widely named",
    "YEM": "Sana'a by law, Aden in fact",
    "ZAF": "three capitals",
}
"""Countries with several, disputed or moving capitals: neither asked about nor used as a distractor."""

NOT_ASKED_CONTINENT = {
    "ARM": "Europe or Asia by different conventions",
    "AUS": "country and continent are one",
    "AZE": "on two continents",
    "CYP": "Asia by geography, Europe by politics",
    "EGY": "on two continents",
    "GEO": "Europe or Asia by different conventions",
    "IDN": "partly in Oceania",
    "KAZ": "on two continents",
    "PAN": "where two continents meet",
    "RUS": "on two continents",
    "TLS": "counted with Asia or with Oceania",
    "TTO": "counted with either America",
    "TUR": "on two continents",
}
"""Countries whose continent has no single answer. Far-off islands (Hawaii, the Canary Islands) do not count."""

SOUTH_AMERICA = frozenset("ARG BOL BRA CHL COL ECU GUY PER PRY SUR URY VEN".split())
"""countryinfo knows the Americas only; the rest of the region is North America with its islands."""

NOT_ASKED_CURRENCY = {
    "BGR": "adopted the euro in 2026, which makes the lev a right answer for older texts",
    "BIH": "the convertible mark has no bare name in general use",
    "BTN": "the Indian rupee is legal tender as well",
    "CUB": "two pesos until 2021",
    "CYP": "the Turkish lira is used in the north",
    "ECU": "uses another country's currency",
    "FSM": "uses another country's currency",
    "HRV": "adopted the euro in 2023; countryinfo still lists the kuna",
    "HTI": "the US dollar circulates as well",
    "KHM": "the US dollar circulates as well",
    "KIR": "uses another country's currency",
    "LBN": "the pound is called lira as well, and the US dollar circulates",
    "LIE": "uses another country's currency",
    "LSO": "the rand is legal tender as well",
    "MHL": "uses another country's currency",
    "MMR": "the name of the country and its money varies in texts",
    "MNE": "uses the euro without being a member",
    "NAM": "the rand is legal tender as well",
    "NRU": "uses another country's currency",
    "PAN": "balboa and US dollar",
    "PLW": "uses another country's currency",
    "SLV": "colón, US dollar and for a time bitcoin",
    "SWZ": "the rand is legal tender as well",
    "SYR": "the pound is called lira as well, and was reformed in 2026",
    "TLS": "uses another country's currency",
    "TUV": "uses another country's currency",
    "VEN": "the US dollar circulates as well",
    "YEM": "two rival issues",
    "ZWE": "changed its currency several times",
}
"""Countries with several, changed or borrowed currencies."""

BORDER_DOUBTS = {
    ("ARE", "QAT"): "the short border of old maps is Saudi Arabian since 1974",
    ("BHR", "SAU"): "a causeway only",
    ("DNK", "SWE"): "a bridge only",
    ("DJI", "SOM"): "the land beside Djibouti is held by Somaliland",
    ("ESP", "GBR"): "Gibraltar",
    ("ESP", "MAR"): "Ceuta and Melilla only",
    ("FRA", "GBR"): "a tunnel only",
    ("FRA", "NLD"): "on the island of Saint Martin only",
    ("IND", "LKA"): "countryinfo lists a border, there is sea between them",
    ("MAR", "MRT"): "depends on the status of Western Sahara",
    ("MYS", "SGP"): "a causeway only",
    ("NAM", "ZWE"): "they almost touch at one point",
    ("ALB", "SRB"): "depends on the status of Kosovo",
    ("MKD", "SRB"): "shortened by the status of Kosovo",
    ("MNE", "SRB"): "shortened by the status of Kosovo",
    ("CYP", "GBR"): "military bases only",
}
"""Pairs that are neither right nor wrong neighbours in a question. A border that only one of the two countries lists in
countryinfo is treated alike: some are true and missing on one side (China and Nepal), some are false (Chad and South
Sudan)."""
