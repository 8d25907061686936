# SPDX-License-Identifier: Apache-2.0
"""The corpus: cases of each class."""

import dataclasses
import json
import random
import urllib.parse

from . import lookalike, pii, shapes, tokens
from .tokens import Secret


@dataclasses.dataclass
class Case:
    cls: str
    place: str
    how: str  # what redact_filter is to take it as
    input: object
    hide: list  # strings that may stand nowhere
    keep: list  # strings that have to stay
    pii: bool = False  # the national ids of every country are looked for
    others: list = dataclasses.field(default_factory=list)  # strings that may go


def secret_of(r, made, name):
    return made if isinstance(made, Secret) else Secret(made, name)


def by_form(cls, name, make):
    """A secret that shows by itself what it is: three of four times where nothing near it says so."""
    def one(r):
        keep, s = [], secret_of(r, make(r), name)
        roll, short = r.random(), len(s.text) < 300 and "\n" not in s.text
        if roll < 0.25 and s.name and "\n" not in s.text:
            place, how, text = shapes.carry(r, shapes.named(r, s.name, s.text), keep)
        elif roll < 0.35 and short and "://" not in s.text:
            place, how, text = shapes.in_target(r, s.text, keep)
        else:
            place, how, text = shapes.carry(r, shapes.neutral(r, s.text), keep)
        return Case(cls, place, how, text, s.hide, keep, others=s.others)
    return one


def by_name(cls, names, make):
    """A value that only its name makes a secret."""
    def one(r):
        keep, v, name = [], make(r), r.choice(names)
        if r.random() < 0.5:
            place, value = shapes.in_json(r, {name: v}, keep)
            return Case(cls, place, "json", shapes.dumps(r, value), [v], keep)
        if r.random() < 0.2:
            how = r.choice([["--" + name.replace("_", "-"), v], [f"--{name}={v}"], [f"{name}={v}"]])
            return Case(cls, "argv", "argv", ["tool", "run", *how, "last"], [v], ["last"])
        place, how, text = shapes.carry(r, shapes.named(r, name, v), keep)
        return Case(cls, place, how, text, [v], keep)
    return one


def number_by_name(r):
    """A value that is no string."""
    n, keep = r.randrange(10**7, 10**12), []
    place, value = shapes.in_json(r, {r.choice(["password", "pin_secret", "access_token"]): n}, keep)
    return Case("number-by-name", place, "json", shapes.dumps(r, value), [str(n)], keep)


def object_by_name(r):
    v, keep = tokens.password(r), []
    place, value = shapes.in_json(r, {r.choice(["credentials", "secrets", "auth"]): r.choice(
        [{"user": "app", "value": v}, [v, "app"], {"a": {"b": [v]}}])}, keep)
    return Case("object-by-name", place, "json", shapes.dumps(r, value), [v], keep)


def of_program(cls, make):
    def one(r):
        keep = []
        text, hide = make(r, tokens.password(r))
        place, how, text = shapes.carry(r, text, keep)
        return Case(cls, place, how, text, hide, keep)
    return one


def argv_of_program(r):
    text, hide = shapes.command(r, "".join(c for c in tokens.password(r) if c.isalnum()) + "x9")
    return Case("command-argv", "argv", "argv", [w.strip("'") for w in text.split(" ")], hide, [])


SHOWN = [*(v for v in tokens.VENDORS.items() if v[1][0] and v[0] != "telegram"), ("jwt", ("", tokens.jwt))]


def base64_once(r):
    _, (_, make) = r.choice(SHOWN)
    s, keep = secret_of(r, make(r), ""), []
    text = shapes.encoded(r, s.text)
    b = max(text.replace('"', " ").split(), key=len)
    place, how, text = shapes.carry(r, text, keep)
    return Case("base64-once", place, how, text, [b, s.text], keep)


def percent_once(r):
    """A form's body or a URL, its value percent-encoded: also what need not be."""
    _, (_, make) = r.choice(SHOWN)
    s, keep = secret_of(r, make(r), ""), []
    every = "".join(f"%{ord(c):02X}" if not c.isalnum() or r.random() < 0.3 else c for c in s.text)
    q = r.choice([every, urllib.parse.quote(json.dumps({r.choice(lookalike.WORDS): s.text}), safe="")])
    text = r.choice([f"https://example.com/x?{r.choice(lookalike.WORDS)}={q}&page=2", f"a=1&body={q}", q])
    place, how, text = shapes.carry(r, text, keep)
    return Case("percent-once", place, how, text, [every, s.text], keep)


def random_text(r):
    """Nothing but its randomness shows that it is one: letters of both cases and digits, 32 and more."""
    v, keep = "", []
    while not (any(c.islower() for c in v) and any(c.isupper() for c in v) and sum(map(str.isdigit, v)) > 2):
        v = r.choice([lambda: tokens.pick(r, tokens.ALNUM, r.choice([32, 40, 48, 64])),
                      lambda: tokens.base64_of(r, r.choice([30, 33, 48])), lambda: tokens.base64_of(r, 33, True)])()
    place, how, text = shapes.carry(r, shapes.neutral(r, v), keep)
    return Case("random", place, how, text, [v], keep)


def personal(cls):
    make, names, words = pii.PII[cls]

    def one(r):
        v, keep, roll = make(r), [], r.random()
        if roll < 0.4:
            place, value = shapes.in_json(r, {r.choice(names): v}, keep)
            return Case(cls, place, "json", shapes.dumps(r, value), [v], keep, True)
        text = f"{r.choice(words)} {v}"
        if roll < 0.8:
            text = r.choice([text, f"{lookalike.sentence(r)} {text}, {r.choice(lookalike.WORDS)}.", f"{text}\nbest regards",
                             f"customer {r.choice(lookalike.WORDS)}: {text}"])
        else:
            # digits in a row are a telephone's or a country's number only where something says so
            alone = roll > 0.9 and cls != "phone-national" and (cls == "card" or not v.isdigit())
            text = shapes.neutral(r, v if alone else text)
        place, how, text = shapes.carry(r, text, keep)
        return Case(cls, place, how, text, [v], keep, True)
    return one


def stays(cls):
    make = lookalike.LOOKALIKES[cls]

    def one(r):
        v, keep, roll = make(r), [], r.random()
        if cls == "image-base64" and roll < 0.6:
            kind = r.choice(["image", "audio"])
            value = {"content": [{"type": kind, "data": v.split(",")[-1], "mimeType": f"{kind}/{r.choice(['png', 'jpeg', 'wav'])}"}]}
            return Case(cls, "result", "json", shapes.dumps(r, value), [], [v.split(",")[-1]], roll < 0.3)
        if roll < 0.1 and "\n" not in v and len(v) < 200:
            q = urllib.parse.quote(v, safe="")
            return Case(cls, *shapes.in_target(r, v, keep), [], [*keep, q], roll < 0.05)
        place, how, text = shapes.carry(r, shapes.neutral(r, v), keep)
        return Case(cls, place, how, text, [], [*keep, v], r.random() < 0.5)
    return one


def settings(r):
    name, value = lookalike.settings(r)
    keep = [json.dumps({name: value}, separators=(",", ":"))[1:-1]]
    o = {"model": "m-1", name: value, "stream": False}
    return Case("settings", "arguments", "json", json.dumps(o), [], keep, r.random() < 0.5)


SECRETS = {c: by_form(c, name, make) for c, (name, make) in tokens.VENDORS.items()}
SECRETS |= {c: by_form(c, "", make) for c, make in tokens.FORMS.items()}
SECRETS |= {c: by_name(c, names, make) for c, (names, make) in tokens.NAMED.items()}
SECRETS |= {"password": by_name("password", tokens.PASSWORD_NAMES, tokens.password), "number-by-name": number_by_name,
            "object-by-name": object_by_name}
SECRETS |= {c: of_program(c, make) for c, make in shapes.PROGRAMS.items()}
SECRETS |= {"command-argv": argv_of_program, "base64-once": base64_once, "percent-once": percent_once, "random": random_text}
PERSONAL = {c: personal(c) for c in pii.PII}
STAYS = {c: stays(c) for c in lookalike.LOOKALIKES} | {"settings": settings}
KINDS = SECRETS | PERSONAL | STAYS


def corpus(seed, n):
    """n cases of each class; a class's cases do not depend on which others there are."""
    for cls, make in KINDS.items():
        r = random.Random(f"{seed} {cls}")
        for _ in range(n):
            yield make(r)
