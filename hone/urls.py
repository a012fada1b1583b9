"""Endpoint URLs and names of key variables: validated before a request is sent or a file is
written, and shown without secrets.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from hone.errors import Refused

VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")  # the usual form of an environment variable name
WITH_USER = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#]*@", re.IGNORECASE)
SHORTEST_SECRET = 3  # characters; shorter parts of a URL stay in messages
LONGEST_WORD = 24  # characters of a name without `_`; a longer one is probably a key itself


def at_home(url: str) -> bool:
    """Whether a URL points to this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".").partition("%")[0]
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"0x[0-9a-f]+|\d[0-9a-fx.]*", host):
            return False
        try:
            address = ipaddress.ip_address(
                socket.inet_aton(host)
            )  # 127.1 and 2130706433, as resolvers parse them
        except OSError:
            return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def show_url(url: str) -> str:
    """A URL without user, password, query and fragment, for messages."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def checked(url: str) -> str:
    """Return the URL itself.

    Raises:
        Refused: it is not an http or https URL.
    """
    try:
        parts = urlsplit(url)
        fine = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and (parts.port is None or parts.port > 0)
        )
        fine = fine and not re.search(r"[\s\x00-\x20\x7f]", url)
    except ValueError:
        fine = False
    if not fine:
        raise Refused(
            f"'{show_web_url(url)}' is not an endpoint URL. Use one such as "
            "http://127.0.0.1:8080/v1"
        )
    return url


def public(url: str) -> str:
    """Return the URL itself, if it is safe to store and show.

    Raises:
        Refused: it is not an http or https URL, or it contains a user, a password, a query or a
            fragment.
    """
    parts = urlsplit(checked(url))
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise Refused(
            f"the URL {show_url(url)} contains a user, a password, a query or a fragment, but URLs "
            "are stored in files. Remove that "
            "part. Name the environment variable that holds the key with `key`."
        )
    return url


def show_web_url(url: str) -> str:
    try:
        return show_url(url) if urlsplit(url).scheme in ("http", "https") else "the url"
    except ValueError:
        return "the url"


def variable(key: str) -> str:
    """Return the name of an environment variable, as written in `key`.

    Raises:
        Refused: it looks like a key itself. The message does not repeat it.
    """
    likely = VARIABLE.fullmatch(key) and ("_" in key or len(key) <= LONGEST_WORD)
    if likely or key in os.environ:
        return key
    raise Refused(
        "`key` is not the name of an environment variable. It names the variable that holds the "
        "key and is never the key itself. "
        "Fix: `export A_NAME=...` and write `key: A_NAME`, in capitals. If it was the key, "
        "replace that key, because it was "
        "stored in a file."
    )


def refuse_secrets(given: Any, where: str) -> None:
    """Refuse keys, passwords and unencrypted keys in settings: in each mapping with a `url`, and in
    each URL.

    Args:
        given: the parsed content of a file.
        where: the path of names that leads to it, for the message.

    Raises:
        Refused: a URL that may not be stored, a `key` that is not a variable name, or a key that
            would be sent unencrypted.
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
        raise Refused(
            f"{where}: the URL contains a user or a password, but settings are stored in files. "
            "Remove both."
        )


def protected(url: str, key: str, plain_http: bool) -> None:
    """Raise Refused if a key would be sent unencrypted over a network and `plain_http` does not
    allow it.
    """
    if urlsplit(url).scheme == "http" and not plain_http and not at_home(url):
        raise Refused(
            f"{show_url(url)} is not encrypted, so the network can read the key in {key}. Use "
            "https://, or write `plain_http: true` "
            "if you trust that network."
        )


def secret(url: str, key: str | None, plain_http: bool = False) -> str | None:
    """The key of a URL, from the environment variable `key`. Null if the endpoint needs no key.

    Raises:
        Refused: the variable is not set, its value cannot be a key, or the key would be sent
            unencrypted.
    """
    if key is None:
        return None
    value = os.environ.get(variable(key))
    protected(url, key, plain_http)
    where = f"the key of {show_url(url)} is read from the environment variable {key}"
    if not value:
        raise Refused(f"{where}, which is not set. Run `export {key}=...`")
    if not all("!" <= letter <= "~" for letter in value):
        raise Refused(
            f"{where}, which contains a space, a line break or a character that keys never "
            "contain. Set it again."
        )
    return value


def without_secrets(text: str, url: str) -> str:
    """A text without the password, user and query values of a URL that it may repeat."""
    parts = urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    values = [value for _, value in parse_qsl(parts.query)]
    # Longest first: the user may be part of the password.
    found = sorted(
        {user, parts.username or "", parts.password or "", parts.query, *values},
        key=len,
        reverse=True,
    )
    for secret in (
        form
        for one in found
        for form in dict.fromkeys((one, unquote(one)))
        if len(form) >= SHORTEST_SECRET
    ):
        text = text.replace(secret, "***")
    return text
