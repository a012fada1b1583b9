"""`--push`: upload exported files to the Hugging Face Hub, in one commit, after showing what
leaves this machine.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from commands.console import line, size, table
from commands.publish.private import refuse_private
from hone import hub
from hone.errors import Refused, listed
from hone.urls import show_url

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")  # identifiers of the Hub, such as cc-by-sa-4.0


@dataclass(frozen=True)
class Push:
    """Where exported files go.

    Attributes:
        name: OWNER/NAME.
        public: whether everyone can read them.
        license: the license for the card. Null: the card names none.
        confirmed: whether the user has confirmed on the command line.
    """

    name: str
    public: bool = False
    license: str | None = None
    confirmed: bool = False


@dataclass(frozen=True)
class Target:
    """A repository on the Hub.

    Attributes:
        owner: the user of the token.
        exists: whether it exists.
        private: whether only its owner can read it. Null: it does not exist.
        commit: its newest commit. Null: it does not exist.
        files: the paths of its files.
    """

    owner: str
    exists: bool
    private: bool | None
    commit: str | None
    files: tuple[str, ...]


def push_of(name: str | None, public: bool, license: str | None, confirmed: bool) -> Push | None:
    """The options of a command. Null without `--push`.

    Raises:
        Refused: a name or license is invalid, or an option needs `--push`.
    """
    if name is None:
        given = {"--public": public, "--license": license is not None, "--yes": confirmed}
        if alone := [option for option, is_set in given.items() if is_set]:
            raise Refused(f"{listed(alone)} needs --push OWNER/NAME. Add it, or remove the option.")
        return None
    hub.refuse_name(name, "--push")
    if license is not None and not LICENSE.fullmatch(license):
        raise Refused(
            f"--license is {listed([license])}, which is not an identifier of a license on the "
            "Hub, such as apache-2.0, cc-by-sa-4.0 or other."
        )
    return Push(name, public, license, confirmed)


def refuse_silent(push: Push) -> None:
    """Raise Refused if the upload can neither be confirmed here nor is confirmed, or if there is
    no token.
    """
    if not push.confirmed and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused(
            "--push asks before it uploads, which needs a terminal. Add --yes to upload without "
            "a question."
        )
    if hub.token() is None:
        raise Refused(
            f"--push needs a token with write permission in {hub.TOKEN}. Create one at "
            f"{hub.endpoint()}/settings/tokens and run `export {hub.TOKEN}=...`. Hone reads the "
            "token from there only."
        )


def push_files(push: Push, kind: hub.Kind, files: dict[str, Path], message: str) -> None:
    """Show what leaves, ask, upload in one commit, and print its address.

    Args:
        push: where to.
        kind: "model" or "dataset".
        files: the files by their paths in the repository.
        message: of the commit.

    Raises:
        Refused: a file contains something that must not leave, the repository is public and
            `--public` is missing, the user declines, or the upload fails.
    """
    refuse_private(files)
    api = hub.connect()
    target = target_of(api, push, kind)
    refuse_public(push, kind, target)
    show(push, kind, files, target)
    ask(push)
    line("Uploading ...")
    with completed(push, kind, target):
        address = upload(api, push, kind, files, target, message)
    line(address)


def target_of(api: HfApi, push: Push, kind: hub.Kind) -> Target:
    """The state of the repository before the upload."""
    from huggingface_hub.errors import RepositoryNotFoundError

    with hub.explained(kind, push.name, "cannot be uploaded"):
        owner = str(api.whoami()["name"])
        try:
            info = api.repo_info(push.name, repo_type=kind)
        except RepositoryNotFoundError as error:
            if error.response.status_code != 404:
                raise
            return Target(owner, False, None, None, ())
        files = tuple(sibling.rfilename for sibling in info.siblings or ())
        return Target(owner, True, bool(info.private), info.sha, files)


def refuse_public(push: Push, kind: hub.Kind, target: Target) -> None:
    """Raise Refused if the repository is public without `--public`, or private with it."""
    if target.private is None or target.private != push.public:
        return
    is_now, option = ("private", "Remove --public") if push.public else ("public", "Add --public")
    raise Refused(
        f"the {kind} {push.name} exists and is {is_now}. {option}, or change it at "
        f"{hub.page_of(kind, push.name)}/settings. Nothing was uploaded."
    )


def show(push: Push, kind: hub.Kind, files: dict[str, Path], target: Target) -> None:
    """Print every file, their size, and where they go."""
    line(f"These files leave this machine as the {kind} {push.name}:", "bold")
    sizes = {path: place.stat().st_size for path, place in files.items()}
    notes = {path: "replaces a file" for path in files if path in target.files}
    rows = [(path, size(count), notes.get(path, "")) for path, count in sizes.items()]
    table(("file", "size", "note"), rows)
    others = [path for path in target.files if path not in files]
    kept = f" Its other files stay: {listed(others)}." if others else ""
    line(f"Total: {len(files):,} files, {size(sum(sizes.values()))}.{kept}")
    line(f"To: {hub.page_of(kind, push.name)}, as the user {target.owner}.")
    new = "exists" if target.exists else "will be created"
    who = "Everyone can read it." if push.public else "Only its owner can read it."
    line(f"The repository {new} and is {'public' if push.public else 'private'}. {who}")
    line(f"License in the card: {push.license or 'none (--license sets it)'}.")


def ask(push: Push) -> None:
    """Ask whether to upload, unless the command line says so.

    Raises:
        Refused: the user declines.
    """
    import typer

    if not push.confirmed and not typer.confirm("Upload?", default=False):
        raise Refused("Nothing was uploaded.")


@contextmanager
def completed(push: Push, kind: hub.Kind, target: Target) -> Iterator[None]:
    """If an upload fails, say what the repository has now."""
    try:
        with hub.explained(kind, push.name, "could not be uploaded"):
            yield
    except Refused as refusal:
        state = "has its old files" if target.exists else "does not exist, or is empty"
        raise Refused(
            f"{refusal} The files are uploaded in one commit, so the repository {state}, unless "
            f"only the answer was lost. See {hub.page_of(kind, push.name)}."
        ) from None


def upload(
    api: HfApi,
    push: Push,
    kind: hub.Kind,
    files: dict[str, Path],
    target: Target,
    message: str,
) -> str:
    """Upload the files in one commit on the branch main. Returns the commit's address."""
    from huggingface_hub import CommitOperationAdd

    if not target.exists:
        api.create_repo(push.name, repo_type=kind, private=not push.public)
    found = api.create_commit(
        push.name,
        [CommitOperationAdd(path, str(place)) for path, place in files.items()],
        commit_message=message,
        repo_type=kind,
        parent_commit=target.commit,
    )
    return f"{show_url(str(found.commit_url))}"
