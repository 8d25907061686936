# SPDX-License-Identifier: Apache-2.0
"""Personal data with right check digits, in the ways people write it."""

from .tokens import DIGITS, UPPER, WORDS, Secret, pick


def grouped(text, sizes, sep=" "):
    out, at = [], 0
    for n in sizes:
        out.append(text[at:at + n])
        at += n
    return sep.join(out + ([text[at:]] if at < len(text) else []))


# --- cards (ISO/IEC 7812: the last digit is Luhn's) ------------------------------------------------------

def luhn(digits):
    """Whether the check digit is right."""
    total = 0
    for i, c in enumerate(reversed(digits)):
        d = int(c) * (2 if i % 2 else 1)
        total += d - 9 if d > 9 else d
    return total % 10 == 0


def luhn_close(body):
    return next(body + c for c in DIGITS if luhn(body + c))


def card(r):
    brand, n = r.choice([("4", 16), (str(r.randrange(51, 56)), 16), (str(r.randrange(2221, 2721)), 16), ("34", 15),
                         ("37", 15), ("6011", 16)])
    number = luhn_close(brand + pick(r, DIGITS, n - 1 - len(brand)))
    sizes = [4, 6, 5] if n == 15 else [4, 4, 4, 4]
    return r.choice([number, grouped(number, sizes), grouped(number, sizes, "-")])


# --- IBAN (ISO 13616; lengths and forms of the SWIFT registry) --------------------------------------------

IBANS = {"DE": "n18", "GB": "a4n14", "FR": "n10c11n2", "ES": "n20", "IT": "a1n10c12", "NL": "a4n10", "PL": "n24",
         "CH": "n5c12"}


def iban(r):
    country = r.choice(sorted(IBANS))
    bban, kind, n = "", "", ""
    for c in IBANS[country] + "n":
        if c.isdigit():
            n += c
            continue
        if kind:
            bban += pick(r, {"n": DIGITS, "a": UPPER, "c": UPPER + DIGITS}[kind], int(n))
        kind, n = c, ""
    check = 98 - int("".join(str(int(c, 36)) for c in bban + country + "00")) % 97
    text = f"{country}{check:02}{bban}"
    return r.choice([text, grouped(text, [4] * (len(text) // 4))])


# --- addresses and numbers --------------------------------------------------------------------------------

NAMES = "anna ben clara david emma felix greta hugo ines jonas karin lukas marie nils olga paul rosa simon tina".split()


def email(r):
    who = r.choice([f"{r.choice(NAMES)}.{r.choice(WORDS)}", f"{r.choice(NAMES)}{r.randrange(99)}",
                    f"{r.choice(NAMES)[0]}.{r.choice(WORDS)}+{r.choice(WORDS)}", f"{r.choice(NAMES)}_{r.choice(NAMES)}"])
    host = r.choice(["gmail.com", "example.org", f"{r.choice(WORDS)}.co.uk", f"mail.{r.choice(WORDS)}-{r.choice(WORDS)}.de",
                     "outlook.com", f"{r.choice(WORDS)}.io", f"{r.choice(WORDS)}.fr"])
    return f"{who}@{host}"


def phone_e164(r):
    """ITU-T E.164, also with the groups of E.123."""
    n = pick(r, DIGITS, 4)
    return r.choice([
        f"+1415555{n}", f"+1 212 555 {n}", f"+1 (646) 555-{n}", f"+1-303-555-{n}", f"+4420794{n}0", f"+44 20 7946 {n}",
        f"+44 7700 90{n}", f"+49301234{n}", f"+49 30 1234{n}", f"+49 (0)171 12{n}5", f"+33612{n}78",
        f"+33 6 12 {n[:2]} {n[2:]} 78", f"+39 06 69{n}12", f"+34 612 34{n[0]} {n[1:]}", f"+8190123{n}5",
    ])


def phone_national(r):
    """Forms that are written so in their country; most with a word that says what it is, see shapes."""
    a, n = pick(r, "23456789", 3), pick(r, DIGITS, 4)
    return r.choice([
        f"({a}) 555-{n}", f"{a}-555-{n}", f"{a}.555.{n}",  # US
        f"020 7946 {n}", f"07700 90{n}", f"(0161) 496 {n}",  # GB
        f"030 12{n}56", f"0171 23{n}89", f"089/{n}567",  # DE
        f"01 23 {n[:2]} {n[2:]} 89", f"06.12.{n[:2]}.{n[2:]}.78",  # FR
    ])


# --- national identity numbers ----------------------------------------------------------------------------

def us_ssn(r):
    area = r.choice([n for n in range(1, 900) if n != 666])
    number = f"{area:03}-{r.randrange(1, 100):02}-{r.randrange(1, 10000):04}"
    return number


def gb_nhs(r):
    while True:
        body = pick(r, DIGITS, 9)
        check = 11 - sum(int(c) * (10 - i) for i, c in enumerate(body)) % 11
        if check != 10 and body[0] in "4567":
            number = body + str(check % 11)
            return r.choice([number, grouped(number, [3, 3, 4])])


def gb_nino(r):
    while True:
        prefix = pick(r, "ABCEGHJKLMNOPRSTWXYZ", 1) + pick(r, "ABCEGHJKLMNPRSTWXYZ", 1)
        if prefix not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"):
            digits = pick(r, DIGITS, 6)
            return r.choice([prefix + digits + r.choice("ABCD"),
                             f"{prefix} {grouped(digits, [2, 2, 2])} {r.choice('ABCD')}"])


def de_tax_id(r):
    """Eleven digits; of the first ten one stands twice or three times; ISO 7064 MOD 11,10."""
    digits = r.sample(DIGITS, 10)
    a, b = r.sample(range(10), 2)
    digits[a] = digits[b]
    if digits[0] == "0":
        digits[0] = next(c for c in "123456789" if c not in digits)
        if digits[a] != digits[b]:
            return de_tax_id(r)
    p = 10
    for c in digits:
        s = (int(c) + p) % 10 or 10
        p = s * 2 % 11
    number = "".join(digits) + str((11 - p) % 10)
    return r.choice([number, grouped(number, [2, 3, 3, 3])])


def fr_nir(r):
    body = (r.choice("12") + f"{r.randrange(100):02}{r.randrange(1, 13):02}{r.randrange(1, 96):02}"
            f"{r.randrange(1, 990):03}{r.randrange(1, 1000):03}")
    key = 97 - int(body) % 97
    number = f"{body}{key:02}"
    return r.choice([number, grouped(number, [1, 2, 2, 2, 3, 3, 2])])


DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def es_dni(r):
    n = r.randrange(10**7, 10**8)
    return r.choice([f"{n}{DNI[n % 23]}", f"{n}-{DNI[n % 23]}"])


def es_nie(r):
    x, n = r.randrange(3), pick(r, DIGITS, 7)
    return "XYZ"[x] + n + DNI[int(str(x) + n) % 23]


ODD = dict(zip(DIGITS + UPPER, [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3,
                                6, 8, 12, 14, 16, 10, 22, 25, 24, 23]))


def it_codice_fiscale(r):
    consonants = "BCDFGLMNPRSTVZ"
    day = r.choice([r.randrange(1, 29), r.randrange(41, 69)])
    body = (pick(r, consonants, 6) + pick(r, DIGITS, 2) + r.choice("ABCDEHLMPRST") + f"{day:02}" + r.choice("ABCDEFGHIL")
            + pick(r, DIGITS, 3))
    even = {c: i % 36 if c in DIGITS else ord(c) - 65 for i, c in enumerate(DIGITS + UPPER)}
    total = sum(ODD[c] if i % 2 == 0 else even[c] for i, c in enumerate(body))
    return body + UPPER[total % 26]


def nl_bsn(r):
    """The eleven test: 9a + 8b + ... + 2h - i."""
    while True:
        body = pick(r, "123456789", 1) + pick(r, DIGITS, 7)
        check = sum(int(c) * (9 - i) for i, c in enumerate(body)) % 11
        if check != 10:
            number = body + str(check)
            return r.choice([number, grouped(number, [4, 2, 3], ".")])


def pl_pesel(r):
    year, month = r.choice([(r.randrange(30, 100), r.randrange(1, 13)), (r.randrange(0, 24), r.randrange(21, 33))])
    body = f"{year:02}{month:02}{r.randrange(1, 29):02}{pick(r, DIGITS, 4)}"
    return body + str(-sum(int(c) * w for c, w in zip(body, [1, 3, 7, 9] * 3)) % 10)


D5 = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
      [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
      [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
      [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]
PERM = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def verhoeff(digits):
    c = 0
    for i, d in enumerate(reversed(digits)):
        d = int(d)
        for _ in range(i % 8):
            d = PERM[d]
        c = D5[c][d]
    return c == 0


def in_aadhaar(r):
    body = pick(r, "23456789", 1) + pick(r, DIGITS, 10)
    number = next(body + c for c in DIGITS if verhoeff(body + c))
    return r.choice([number, grouped(number, [4, 4, 4]), grouped(number, [4, 4, 4])])


def br_cpf(r):
    number = pick(r, DIGITS, 9)
    for n in 9, 10:
        number += str(sum(int(c) * (n + 1 - i) for i, c in enumerate(number)) * 10 % 11 % 10)
    return r.choice([number, f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"])


# class -> (what makes one, names of JSON members, words before it in a text)
PII = {
    "card": (card, ["card_number", "cardNumber", "pan", "card", "number"], ["card", "Visa", "Card number:", "paid with"]),
    "iban": (iban, ["iban", "account", "IBAN", "beneficiary_account"], ["IBAN", "IBAN:", "transfer to", "account"]),
    "email": (email, ["email", "to", "from", "author", "contact", "recipients"], ["mail", "contact", "From:", "cc", "by"]),
    "phone-e164": (phone_e164, ["phone", "tel", "mobile", "contact", "to"], ["call", "Tel.", "reach me at", "phone:", "SMS to"]),
    "phone-national": (phone_national, ["phone", "phone_number", "tel", "mobile", "fax"],
                       ["Tel.", "Tel:", "phone", "call", "Phone:", "mobile", "Fax", "Telefon:", "tél."]),
    "us-ssn": (us_ssn, ["ssn", "social_security_number", "tax_id"], ["SSN", "SSN:", "social security number"]),
    "gb-nhs": (gb_nhs, ["nhs_number", "nhsNumber", "nhs"], ["NHS number", "NHS No.", "NHS no:"]),
    "gb-nino": (gb_nino, ["nino", "ni_number", "national_insurance"], ["NI number", "National Insurance no.", "NINO"]),
    "de-tax-id": (de_tax_id, ["steuer_id", "tax_id", "idnr"], ["Steuer-ID", "IdNr.", "tax id", "Steueridentifikationsnummer"]),
    "fr-nir": (fr_nir, ["nir", "numero_securite_sociale", "insee"], ["NIR", "n° de sécurité sociale", "numéro INSEE"]),
    "es-dni": (lambda r: r.choice([es_dni, es_nie])(r), ["dni", "nie", "documento"], ["DNI", "NIE", "documento"]),
    "it-codice-fiscale": (it_codice_fiscale, ["codice_fiscale", "cf", "taxCode"], ["codice fiscale", "C.F.", "CF:"]),
    "nl-bsn": (nl_bsn, ["bsn", "burgerservicenummer"], ["BSN", "BSN:", "burgerservicenummer"]),
    "pl-pesel": (pl_pesel, ["pesel", "PESEL"], ["PESEL", "PESEL:", "nr PESEL"]),
    "in-aadhaar": (in_aadhaar, ["aadhaar", "aadhaar_number", "uid_number"], ["Aadhaar", "Aadhaar no.", "UIDAI number"]),
    "br-cpf": (br_cpf, ["cpf", "cpf_cliente", "documento"], ["CPF", "CPF:", "CPF do cliente"]),
}


def secret(r, cls):
    make, names, _ = PII[cls]
    return Secret(make(r), r.choice(names))
