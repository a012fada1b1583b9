"""An arm that is a command, such as a plain training script: its words, its files and its run.

The command runs in the trial's worktree. It reads the base model and the training pairs, and
writes a model folder. Hone then evaluates that model like the model of a round.
"""

from __future__ import annotations

import shlex
import string
from pathlib import Path

from hone.encoders.model_folder import ModelFolder
from hone.errors import Refused, nearest
from hone.files import fingerprint, fingerprint_of_file

RECIPE = "in-batch"  # of the round in the trial's params.yaml; none of its stages runs
STAGE = "command"  # its name among the stages of a trial
PAIRS = Path("training-pairs.jsonl")  # in the worktree; written by `hone export data`
PLACEHOLDERS = {
    "base": "the folder of the base model",
    "pairs": "a JSON Lines file of the training pairs: anchor and positive",
    "out": "the model folder to write",
    "seed": "the seed of the trial",
    "steps": "the number of training steps that the other arms have",
}


def checked(command: str) -> str:
    """A command whose placeholders are known.

    Raises:
        ValueError: the command is empty, has an unknown placeholder, or lacks {out}.
    """
    try:
        words = shlex.split(command)
        names = {name for word in words for _, name, _, _ in string.Formatter().parse(word)}
    except ValueError as error:
        raise ValueError(f"the command cannot be read: {error}") from None
    names.discard(None)
    if not words:
        raise ValueError("the command is empty")
    for name in sorted(names - PLACEHOLDERS.keys()):
        raise ValueError(
            f"the command has the placeholder {{{name}}}: {nearest(name, list(PLACEHOLDERS))}. "
            "Write {{ and }} for braces"
        )
    if "out" not in names:
        raise ValueError("the command lacks {out}, the model folder that it has to write")
    return command


def words_of(command: str, values: dict[str, str]) -> list[str]:
    """The command as a list of words, without a shell. `values` has every placeholder."""
    return [word.format(**values) for word in shlex.split(command)]


def code_of(command: str) -> str:
    """A hash of every file that the command names, because they are the code of the arm."""
    files = [Path(word) for word in shlex.split(command) if "{" not in word]
    return fingerprint(
        *(
            part
            for file in files
            if file.is_file()
            for part in (str(file), fingerprint_of_file(file))
        )
    )


def check_model(folder: Path, command: str) -> None:
    """Check the model folder that a command wrote.

    Raises:
        Refused: there is no model, its weights are not safetensors, or it needs code of its own.
    """
    if not folder.is_dir():
        raise Refused(
            f"`{command}` ended without an error, but it wrote no model folder to {{out}} "
            f"({folder.name}/). Save the model there, such as `model.save_pretrained(out)`."
        )
    ModelFolder(folder).fingerprint("document")
