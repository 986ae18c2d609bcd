"""To the Hub itself, by its own library, and only where that was asked for."""

import re
from pathlib import Path
from typing import Any

from ..errors import UserError, one_line

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def check_upload(repository: str) -> None:
    """Refuse before any work what could not be uploaded after it.

    Raises:
        UserError: no name of the form owner/name, or huggingface_hub is missing.
    """
    if not _NAME.fullmatch(repository):
        raise UserError(f"--upload takes owner/name, such as me/my_student; it got '{repository}'.")
    _library()


def upload(folder: Path, repository: str) -> str:
    """Put a folder into a model repository, made private where there is none, and return the address of that.

    Raises:
        UserError: the Hub refused; the folder stays.
    """
    library = _library()
    try:
        api = library.HfApi()
        api.create_repo(repository, private=True, exist_ok=True)
        return str(api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Written by facedistill"))
    except (library.errors.HfHubHTTPError, library.errors.LocalTokenNotFoundError, OSError) as error:
        raise UserError(f"{folder} is written, and the Hub did not take it: {one_line(error)}") from None


def _library() -> Any:
    try:
        import huggingface_hub.errors
    except ImportError:
        raise UserError("huggingface_hub is not installed; run: pip install 'facedistill[hub]'") from None
    return huggingface_hub
