"""Personal data in queries: mail addresses, addresses with credentials, tokens and long numbers are
replaced by placeholders.

The patterns are Hone defaults. They find what has a recognizable form, and neither names nor postal
addresses. Expressions with unbounded repetitions run in polars, whose engine takes linear time for
any text.
"""

from __future__ import annotations

import re

import polars as pl

KINDS = ("url", "email", "token", "number")
LONG_NUMBER = 7  # digits
LONG_TOKEN = 20  # characters
SPREAD_NUMBER = 9  # digits of a number whose groups have one or two digits: 06 12 34 56 78
CHANGES = 3  # between letters and digits inside a token

# user:password@host, or a parameter with a key or session
SECRET = (
    r"token|access_token|api_?key|key|password|passwd|pwd|secret|auth|sig|signature|session|"
    r"session_?id|sid"
)
URL = rf"(?i)\b[a-z][a-z0-9+.-]{{1,30}}://(?:[^\s/@]+@\S*|\S*[?&#](?:{SECRET})=\S*)"
EMAIL = r"[\w.+%'’-]+[@＠][\w-]+(?:[.．。][\w-]+)+"
# JSON web tokens, and keys with a usual prefix
NAMED_TOKEN = (
    r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|"
    r"\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abps]|hf|AKIA|ASIA)[-_]?[A-Za-z0-9_-]{16,}"
)
UUID = r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"

# Python decides on these few. Both take linear time: a failed match costs at most 20 characters.
RUN = re.compile(rf"[A-Za-z0-9+/=_-]{{{LONG_TOKEN},}}")
DIGITS = re.compile(rf"\+?\(?\d(?:[ .\-/()\u00a0\u2010-\u2015]{{0,2}}\d){{{LONG_NUMBER - 1},}}")
CANDIDATE = rf"[A-Za-z0-9+/=_-]{{{LONG_TOKEN},}}|(?:\d\D{{0,2}}){{{LONG_NUMBER - 1},}}\d"
HEXADECIMAL = re.compile(rf"[0-9a-f]{{{LONG_TOKEN},}}", re.IGNORECASE)
DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2})")
YEAR = re.compile(r"(?:19|20)\d\d")
CHANGE = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])")
PLACEHOLDER = r"\[(?:url|email|token|number)\]"


def placeholder(kind: str) -> str:
    """The text that replaces personal data of one of KINDS."""
    return f"[{kind}]"


def scrub_texts(texts: pl.Series) -> pl.DataFrame:
    """Texts with placeholders for personal data.

    Args:
        texts: n texts. Null stays null.

    Returns:
        `text`, and for each of KINDS whether something of this kind was replaced, row by row.
    """
    found = texts.cast(pl.String).rename("text")
    replaced = {}
    for kind, pattern in (("url", URL), ("email", EMAIL), ("token", f"{UUID}|{NAMED_TOKEN}")):
        replaced[kind] = found.str.contains(pattern).fill_null(False)
        if replaced[kind].any():
            found = found.str.replace_all(pattern, placeholder(kind))
    token, number = [], []
    places = found.str.contains(CANDIDATE).fill_null(False).arg_true()
    changed = []
    for text in found.gather(places):
        without_tokens = RUN.sub(_token, text)
        without = DIGITS.sub(_number, without_tokens)
        token.append(without_tokens != text)
        number.append(without != without_tokens)
        changed.append(without)
    if len(places):
        found = found.scatter(places, pl.Series(changed, dtype=pl.String))
    nothing = pl.repeat(False, len(found), eager=True)
    more = nothing.scatter(places, pl.Series(token, dtype=pl.Boolean)) if len(places) else nothing
    replaced["token"] |= more
    replaced["number"] = (
        nothing.clone().scatter(places, pl.Series(number, dtype=pl.Boolean))
        if len(places)
        else nothing
    )
    return pl.DataFrame({"text": found} | {kind: replaced[kind] for kind in KINDS})


def is_only_personal(texts: pl.Expr) -> pl.Expr:
    """Whether a scrubbed text has placeholders and otherwise no letter or digit."""
    rest = texts.str.replace_all(PLACEHOLDER, "")
    return texts.str.contains(PLACEHOLDER) & ~rest.str.contains(r"[\p{L}\p{N}]")


def scrub_ids(ids: pl.Expr) -> pl.Expr:
    """Ids without mail addresses and addresses with credentials. Numbers and tokens stay: they are
    what most ids consist of.
    """
    return ids.str.replace_all(URL, placeholder("url")).str.replace_all(EMAIL, placeholder("email"))


def _token(found: re.Match[str]) -> str:
    """The placeholder of a token. Words joined by hyphens or slashes stay as they are."""
    run = found[0]
    changes = max(len(CHANGE.findall(part)) for part in re.split(r"[-_/+=]", run))
    hexadecimal = HEXADECIMAL.search(run)
    random = hexadecimal is not None and any(map(str.isdigit, hexadecimal[0]))
    letters = any(map(str.isalpha, run))
    return placeholder("token") if letters and (random or changes >= CHANGES) else run


def _number(found: re.Match[str]) -> str:
    """The placeholder of a long number. Dates, lists of years and lists of short numbers stay."""
    run = found[0]
    groups = re.findall(r"\d+", run)
    digits = sum(map(len, groups))
    if DATE.fullmatch(run.strip("+(")) or (
        len(groups) > 1 and all(YEAR.fullmatch(group) for group in groups)
    ):
        return run
    if len(groups) > 1 and max(map(len, groups)) <= 2 and digits < SPREAD_NUMBER:
        return run
    return placeholder("number")
