"""Unassigned phone numbers, from the ranges that regulators reserve for fiction."""

from dataclasses import dataclass
from random import Random
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Prefixes, each followed by `digits` further digits."""

    prefixes: tuple[str, ...]
    digits: int

    def number(self, random: Random) -> str:
        """Return a random number of the range, in international form."""
        return f"{random.choice(self.prefixes)}{random.randrange(10**self.digits):0{self.digits}d}"


def _five_fives(*areas: int) -> tuple[str, ...]:
    """Return the prefixes of 555-0100 through 555-0199 in these areas of the North American plan."""
    return tuple(f"+1{area}55501" for area in areas)


# The 555-01xx block; Ofcom's, the Bundesnetzagentur's, Arcep's, ComReg's and ACMA's numbers for drama.
RANGES = MappingProxyType(
    {
        "US-FIXED": NumberRange(_five_fives(202, 212, 303, 312, 404, 512, 602, 617, 713, 919), 2),
        "US-MOBILE": NumberRange(_five_fives(305, 323, 415, 469, 503, 646, 702, 773), 2),
        "US-TOLLFREE": NumberRange(_five_fives(800, 833, 844, 888), 2),
        "CA-FIXED": NumberRange(_five_fives(416, 514, 604, 902), 2),
        "GB-FIXED": NumberRange(("+442079460", "+441134960", "+441214960", "+441314960", "+441614960"), 3),
        "GB-MOBILE": NumberRange(("+447700900",), 3),
        "GB-TOLLFREE": NumberRange(("+448081570",), 3),
        "DE-FIXED": NumberRange(("+493023125", "+496990009", "+494066969", "+492214710", "+498999998"), 3),
        "DE-MOBILE": NumberRange(("+4917139200", "+49176040690"), 2),
        # Germany and France reserve no freephone numbers for fiction.
        "DE-TOLLFREE": NumberRange(("+493023125",), 3),
        "FR-FIXED": NumberRange(("+3319900", "+3326191", "+3335301", "+3346571", "+3353649"), 4),
        "FR-MOBILE": NumberRange(("+3363998",), 4),
        "FR-TOLLFREE": NumberRange(("+3319900",), 4),
        "IE-FIXED": NumberRange(("+3532091",), 5),
        "AU-FIXED": NumberRange(("+6125550", "+6135550", "+6175550"), 4),
    }
)
