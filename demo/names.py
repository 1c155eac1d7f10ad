"""Invented names from many languages, with matching e-mail addresses."""

import unicodedata
from collections.abc import Iterator
from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    """
    Abigail Adrián Aisha Aleksander Amara Anaïs Andrés Anneliese Anton Beatriz Benedikt Björn Camille Carlos Chloé
    Clémence Daniel Darnell Deborah Diego Elena Elif Émile Erin Fatima Felix Fiona Franziska Gabriel Giulia Grace
    Gülşen Hannah Henrik Imani Ingrid Isaac Jamal Jürgen Katarzyna Keisha Kofi Lars Léa Lucía Łukasz Malik Marta
    Mateo Maximilian Mei Michał Naomi Nia Noah Oliver Orhan Priya Rachel Rajesh Renée Rosa Samuel Sara Siobhán Søren
    Tariq Teresa Thandiwe Thomas Ümit Valentina Victor Wei William Yusuf Zoë
    """
)
LAST_NAMES = _words(
    """
    Abara Adeyemi Ahmed Åkesson Álvarez Anderson Arslan Bauer Becker Bélanger Brooks Carter Castillo Chen Clarke
    Dąbrowski D'Angelo Desai Diallo Dubois Evans Ferreira Fischer Fournier Garcia Gómez Grant Großmann Gutiérrez
    Hansen Hayes Herrera Hoffmann Hughes Ibrahim Iyer Jackson Jansen Jensen Johnson Kaya Kim Kowalski Krüger Lambert
    Larsson Lefèvre Lopez MacLeod Mbeki Meyer Moreau Morgan Müller Murphy Nakamura Nguyễn Novák O'Brien Okafor Olsen
    Østergaard Patel Pereira Petrov Quinn Ramírez Reyes Richter Rossi Şahin Sánchez Schäfer Silva Singh Smith Taylor
    Torres Vargas Wagner Walker Watanabe Weiß Williams Wójcik Yildirim Zhang Zimmermann
    """
)
# In other scripts, with the spelling that their owners use in addresses.
OTHER_SCRIPTS = (
    ("王芳", "fang.wang"),
    ("佐藤 陽子", "yoko.sato"),
    ("김민준", "minjun.kim"),
    ("Дмитрий Соколов", "dmitri.sokolov"),
    ("Олена Шевченко", "olena.shevchenko"),
    ("Ελένη Παπαδοπούλου", "eleni.papadopoulou"),
    ("محمد الفارسي", "mohammed.alfarsi"),
    ("ליאור כהן", "lior.cohen"),
    ("अनन्या शर्मा", "ananya.sharma"),
    ("สมชาย วงศ์ไทย", "somchai.wongthai"),
)
EVERY_OTHER_SCRIPT = 11
_WITHOUT_DECOMPOSITION = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "'": None})


def people(random: Random, domain: str) -> Iterator[tuple[str, str]]:
    """Yield names with e-mail addresses, endlessly and without repeating an address."""
    taken: set[str] = set()
    other_scripts = random.sample(OTHER_SCRIPTS, len(OTHER_SCRIPTS))
    number = 0
    while True:
        number += 1
        if number % EVERY_OTHER_SCRIPT == 0 and other_scripts:
            name, local_part = other_scripts.pop()
        else:
            name = f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
            local_part = _address_part(name)
        if local_part not in taken:
            taken.add(local_part)
            yield name, f"{local_part}@{domain}"


def _address_part(name: str) -> str:
    """Return `zoe.weiss` for `Zoë Weiß`."""
    plain = unicodedata.normalize("NFKD", name.translate(_WITHOUT_DECOMPOSITION)).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", ".")
