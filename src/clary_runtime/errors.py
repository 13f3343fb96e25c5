"""What can go wrong in a training job, in the words AWS's containers leave in `/opt/ml/output/failure`.

TrainingError          exit code and the text of the failure file
├── ClientError        what the customer sent is wrong: hyperparameters, data, source archive
├── AlgorithmError     the algorithm failed on acceptable input
└── ScriptError        the customer's script ended with another exit code than 0
"""

from __future__ import annotations


class TrainingError(Exception):
    """A job's end that its owner should read about; never raised itself."""

    exit_code = 1

    def failure(self) -> str:
        """Return the text of the failure file."""
        return f"{type(self).__name__}: {self}"


class ClientError(TrainingError):
    """The customer's input is wrong."""


class AlgorithmError(TrainingError):
    """The algorithm failed though its input looked right."""


class ScriptError(TrainingError):
    """The customer's own program failed; worded as the sagemaker-training toolkit words it."""

    def __init__(self, kind: str, exit_code: int, message: str, command: str) -> None:
        super().__init__(f'{kind}:\nExitCode {exit_code}\nErrorMessage "{message}"\nCommand "{command}"')
        self.exit_code = exit_code

    def failure(self) -> str:
        """Return the toolkit's text, which carries its own prefix."""
        return str(self)
