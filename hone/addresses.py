"""Addresses of endpoints and names of keys: checked before anything is sent or kept, and nothing secret in what is said of them."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from hone.errors import Refused

VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")  # how names of environment variables are written
WITH_USER = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#]*@", re.IGNORECASE)
SHORTEST_SECRET = 3  # characters; a shorter part of an address is left in messages
LONGEST_WORD = 24  # letters of such a name without `_`; what is longer looks like a key itself


def at_home(url: str) -> bool:
    """Whether an address is of this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".").partition("%")[0]
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"0x[0-9a-f]+|\d[0-9a-fx.]*", host):
            return False
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1 and 2130706433, as resolvers read them
        except OSError:
            return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def shown(url: str) -> str:
    """An address without name, password, query and fragment, as it may stand in an error."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def checked(url: str) -> str:
    """The address itself.

    Raises:
        Refused: it is none of http or https.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        fine = fine and not re.search(r"[\s\x00-\x20\x7f]", url)
    except ValueError:
        fine = False
    if not fine:
        raise Refused(f"'{shown_or_nothing(url)}' is no address of an endpoint: write one such as http://127.0.0.1:8080/v1")
    return url


def public(url: str) -> str:
    """The address itself, which may be kept and shown as it is.

    Raises:
        Refused: it is none of http or https, or has a name, a password, a query or a fragment in it.
    """
    parts = urlsplit(checked(url))
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise Refused(
            f"the address {shown(url)} is written with a name, a password, a query or a fragment, and addresses are kept in files: "
            "leave them out; a key is named by `key`, the environment variable that holds it."
        )
    return url


def shown_or_nothing(url: str) -> str:
    try:
        return shown(url) if urlsplit(url).scheme in ("http", "https") else "the url"
    except ValueError:
        return "the url"


def variable(key: str) -> str:
    """The name of an environment variable, as `key` has it.

    Raises:
        Refused: it looks like a key itself, which the message does not repeat.
    """
    likely = VARIABLE.fullmatch(key) and ("_" in key or len(key) <= LONGEST_WORD)
    if likely or key in os.environ:
        return key
    raise Refused(
        "`key` is not the name of an environment variable. It names the variable that holds the key and is never the key itself. "
        "Fix: `export A_NAME=...` and write `key: A_NAME`, in capitals. If it was the key, replace that key: it stood in a file."
    )


def refuse_secrets(given: Any, where: str) -> None:
    """Refuse keys, passwords and unprotected ways for keys in settings: wherever a mapping has a `url`, and in any address.

    Args:
        given: as it was read from a file.
        where: names that lead to it, for the message.

    Raises:
        Refused: an address that may not be kept, a `key` that is none, or a key that would be sent without encryption.
    """
    if isinstance(given, dict):
        url, key = given.get("url"), given.get("key")
        try:
            if isinstance(url, str):
                public(url)
                if key is not None:
                    protected(url, variable(str(key)), given.get("plain_http") is True)
        except Refused as error:
            raise Refused(f"{where}: {error}") from None
        for name, value in given.items():
            refuse_secrets(value, f"{where}.{name}")
    elif isinstance(given, list):
        for place, value in enumerate(given, start=1):
            refuse_secrets(value, f"{where}.{place}")
    elif isinstance(given, str) and WITH_USER.match(given):
        raise Refused(f"{where}: an address with a user or a password stands here, and settings are kept in files: leave these out.")


def protected(url: str, key: str, plain_http: bool) -> None:
    """Raises Refused where a key would be sent over a network as it is, and nobody has allowed it."""
    if urlsplit(url).scheme == "http" and not plain_http and not at_home(url):
        raise Refused(
            f"{shown(url)} is reached without encryption, so that the network can read the key in {key}: write https://, or "
            "`plain_http: true` if that network is trusted."
        )


def secret(url: str, key: str | None, plain_http: bool = False) -> str | None:
    """The key of an address, from the environment variable `key`; null where it wants none.

    Raises:
        Refused: the variable is not set, or holds what cannot be a key; or the key would be sent without encryption.
    """
    if key is None:
        return None
    value = os.environ.get(variable(key))
    protected(url, key, plain_http)
    where = f"the key of {shown(url)} is to be in the environment variable {key}"
    if not value:
        raise Refused(f"{where}, which is not set: export {key}=...")
    if not all("!" <= letter <= "~" for letter in value):
        raise Refused(f"{where}, which holds a blank, a line break or a letter that no key has: set it again.")
    return value


def without_secrets(text: str, url: str) -> str:
    """A text without the password, the user and the options of an address that it may repeat."""
    parts = urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    values = [value for _, value in parse_qsl(parts.query)]
    # The longest first: the user may be part of the password.
    found = sorted({user, parts.username or "", parts.password or "", parts.query, *values}, key=len, reverse=True)
    for secret in (form for one in found for form in dict.fromkeys((one, unquote(one))) if len(form) >= SHORTEST_SECRET):
        text = text.replace(secret, "***")
    return text
