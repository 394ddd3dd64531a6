"""Names of people, clients and projects: pools drawn by Faker once per process, picked by chance.

The pools have a seed of their own, so that they are the same for every firm (Faker is pinned, and needs 40 µs a name:
two seconds for 50,000 consultants). Which name somebody gets depends on the seed of the run.
"""

from functools import lru_cache

from faker import Faker

from simulators.chance import chance

LOCALES = {
    "DE": "de_DE", "AT": "de_DE", "CH": "de_DE", "FR": "fr_FR", "ES": "es_ES", "IT": "it_IT", "PL": "pl_PL",
    "SE": "sv_SE", "NO": "no_NO", "NL": "nl_NL", "JP": "ja_JP", "BR": "pt_BR", "PT": "pt_PT", "GB": "en_GB",
    "MX": "es_ES", "CL": "es_ES", "CO": "es_ES", "AR": "es_ES", "PE": "es_ES",
}  # fmt: skip
"""Locale by country; everybody else has names of en_US."""


def _faker(locale: str, purpose: str) -> Faker:
    faker = Faker(locale)
    faker.seed_instance(chance(0, "firm/names", locale, purpose))
    return faker


@lru_cache(maxsize=64)
def people(country: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A pool of 120 first and 240 last names of the country's locale."""
    faker = _faker(LOCALES.get(country, "en_US"), "people")
    return tuple(faker.first_name() for _ in range(120)), tuple(faker.last_name() for _ in range(240))


@lru_cache(maxsize=1)
def companies() -> tuple[str, ...]:
    """A pool of 300 client names."""
    faker = _faker("en_US", "companies")
    return tuple(faker.company() for _ in range(300))


@lru_cache(maxsize=1)
def undertakings() -> tuple[str, ...]:
    """A pool of 300 project names."""
    faker = _faker("en_US", "undertakings")
    return tuple(faker.catch_phrase() for _ in range(300))


@lru_cache(maxsize=1)
def narratives() -> tuple[str, ...]:
    """A pool of 256 lines a consultant may write beside their hours, short as people are (at most 100 characters)."""
    faker = _faker("en_US", "narratives")
    return tuple(faker.bs().capitalize()[:100] for _ in range(256))
