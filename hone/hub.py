"""The Hugging Face Hub: one client for downloaded datasets and for uploads, and its errors as
sentences.

The address is that of HF_ENDPOINT. The token is read from HF_TOKEN and from nowhere else: a token
that another tool stored in the home folder is not used. Files travel by plain HTTP. The client's
second protocol, Xet, is switched off, because it keeps a cache of its own and ignores HONE_HOME.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from hone.errors import Refused, listed
from hone.stage import may_download
from hone.urls import public, secret, show_url

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Kind = Literal["dataset", "model"]

ENDPOINT, TOKEN = "HF_ENDPOINT", "HF_TOKEN"
DEFAULT = "https://huggingface.co"
PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
NAME = re.compile(rf"{PART}/{PART}")
COMMIT = re.compile(r"[0-9a-f]{40}")


def endpoint() -> str:
    """The address of the Hub, without a final slash.

    Raises:
        Refused: HF_ENDPOINT is not a URL, or it contains a user or a password.
    """
    return public(os.environ.get(ENDPOINT) or DEFAULT).rstrip("/")


def page_of(kind: Kind, name: str) -> str:
    """The address of a dataset's or model's page."""
    return f"{endpoint()}/{'datasets/' if kind == 'dataset' else ''}{name}"


def token() -> str | None:
    """The token in HF_TOKEN. Null if there is none.

    Raises:
        Refused: its value cannot be a token, or it would be sent unencrypted.
    """
    return secret(endpoint(), TOKEN) if os.environ.get(TOKEN) else None


def refuse_name(name: str, where: str) -> None:
    """Raise Refused if a text is not OWNER/NAME.

    Args:
        name: the text.
        where: the setting or option, for the message.
    """
    if not NAME.fullmatch(name) or ".." in name or "--" in name:
        raise Refused(
            f"{where} is {listed([name])}, which is not OWNER/NAME. Both parts consist of "
            "letters, digits, '.', '_' and '-', as in the address of its page on the Hub."
        )


def connect() -> HfApi:
    """A client that may use the network.

    Raises:
        Refused: HF_ENDPOINT or HF_TOKEN is unusable.
    """
    may_download()
    without_xet()
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint(), token=token() or False, library_name="hone")


def without_xet() -> None:
    """Use plain HTTP in this process. The client reads the switch at import."""
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_XET = True


@contextmanager
def explained(kind: Kind, name: str, doing: str) -> Iterator[None]:
    """Turn the client's errors into Refused.

    Args:
        kind: what `name` is.
        name: OWNER/NAME.
        doing: what failed, as in "could not be downloaded".
    """
    import httpx2
    from huggingface_hub import errors

    try:
        with quiet():
            yield
    except Refused:
        raise
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError) as error:
        found = error if isinstance(error, errors.HfHubHTTPError) else error.__cause__
        if isinstance(found, errors.HfHubHTTPError):
            raise Refused(describe_status(found, kind, name, doing)) from None
        raise Refused(describe_lost(found or error, kind, name, doing)) from None
    except (httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        raise Refused(describe_lost(error, kind, name, doing)) from None
    except OSError as error:
        # The client reports a file of the wrong size as an OSError without a number.
        if error.errno is not None:
            raise
        raise Refused(describe_lost(error, kind, name, doing)) from None
    except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        cause = error.__cause__
        if isinstance(cause, errors.HfHubHTTPError):
            raise Refused(describe_status(cause, kind, name, doing)) from None
        if isinstance(cause, httpx2.HTTPError):
            raise Refused(describe_lost(cause, kind, name, doing)) from None
        raise Refused(
            f"the {kind} {name} {doing}: {show_url(endpoint())} did not answer as the Hub does "
            f"({type(error).__name__}). Check {ENDPOINT}."
        ) from error


def describe_status(error: Exception, kind: Kind, name: str, doing: str) -> str:
    """An error response of the Hub as a sentence. Nothing of the response is repeated."""
    from huggingface_hub import errors

    status, page = error.response.status_code, page_of(kind, name)
    failed = f"the {kind} {name} {doing}: "
    by_class = {
        errors.GatedRepoError: f"the {kind} {name} is gated. Open {page}, accept its conditions, "
        f"and set {TOKEN} to a token of the same account.",
        errors.DisabledRepoError: f"the {kind} {name} is disabled on the Hub. Choose another one.",
        errors.RevisionNotFoundError: f"the {kind} {name} has no such `revision`. Use a branch, a "
        f"tag or a commit of {page}.",
        errors.RemoteEntryNotFoundError: f"{failed}a file is missing (HTTP {status}). Run the "
        "command again.",
        errors.RepositoryNotFoundError: f"there is no {kind} {name} at {show_url(endpoint())}, or "
        f"{describe_access()} (HTTP {status}). Check the name.",
    }
    by_status = {
        400: f"{failed}the Hub rejected it as invalid (HTTP 400). Check the license and the card.",
        401: f"{failed}the Hub rejected the token in {TOKEN} (HTTP 401). Create a new one at "
        f"{endpoint()}/settings/tokens.",
        403: f"{failed}the token in {TOKEN} has no permission for it (HTTP 403). Use a token with "
        "the needed permission for this owner.",
        412: f"{failed}it has changed since the question (HTTP 412). Run the command again.",
    }
    other = f"{failed}the Hub answered with HTTP {status}. Try again later."
    found = (sentence for one, sentence in by_class.items() if isinstance(error, one))
    return next(found, by_status.get(status, other))


def describe_access() -> str:
    """Why a repository may be invisible."""
    if os.environ.get(TOKEN):
        return f"the token in {TOKEN} has no access to it"
    return f"it is private and {TOKEN} is not set"


def describe_lost(error: BaseException, kind: Kind, name: str, doing: str) -> str:
    """A broken or missing connection as a sentence."""
    return (
        f"the {kind} {name} {doing}: the connection to {show_url(endpoint())} failed or broke off "
        f"({type(error).__name__}). Check the network, and run the command again."
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the client's own log lines, which repeat addresses and retries."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
