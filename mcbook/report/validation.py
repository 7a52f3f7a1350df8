"""The only module that knows hepdata-validator, which may be absent."""

import warnings
from pathlib import Path


def complaints(folder: Path) -> list[str] | None:
    """Return what hepdata-validator says against a submission folder.

    Returns
    -------
    list of str or None
        Sentences that name the file, none where the folder is valid; None where the validator is
        not installed. Nothing is looked up on the network.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves files open, and uses what jsonschema deprecates
        try:
            from hepdata_validator.full_submission_validator import FullSubmissionValidator
        except ImportError:
            return None
        validator = FullSubmissionValidator(autoload_remote_schemas=False)
        if validator.validate(directory=str(folder)):
            return []
    return [
        f"{Path(file).name}: {message.message}"
        for file, messages in validator.get_messages().items()
        for message in messages
    ]
