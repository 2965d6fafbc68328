"""Names of people and streets, drawn once from Faker on the driver."""

from dataclasses import dataclass

from faker import Faker


@dataclass(frozen=True)
class Pools:
    """Lists that masters pick from by hash."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]


def pools(seed: int, size: int = 300) -> Pools:
    """The pools of a seed."""
    faker = Faker("en_US")
    faker.seed_instance(seed)
    return Pools(
        tuple(faker.first_name() for _ in range(size)),
        tuple(faker.last_name() for _ in range(size)),
        tuple(faker.street_name() for _ in range(size)),
    )
