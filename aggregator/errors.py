"""What can go wrong so badly that it is raised. All else is a value: an outcome, a decision.

* AggregatorError
  - ConfigError    a person must edit config.yaml; nothing was started (exit 2)
  - BusyError      another process has the database (exit 3)
  - StoreError     storing or publishing failed; the run stops (exit 4)
    - CrossedError another transaction was in the way; begun again, this one would work

A source that fails raises nothing: its check comes to `model.Failed`.
"""


class AggregatorError(Exception):
    """Base of all; `str()` is a message for people and names the remedy."""

    exit_status = 4


class ConfigError(AggregatorError):
    """One or more mistakes in the configuration, a line each in `problems`."""

    exit_status = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class BusyError(AggregatorError):
    """Another process writes to the database; the message names its process id."""

    exit_status = 3

    def __init__(self, message: str, *, service: bool = False) -> None:
        super().__init__(message)
        #: It is the service, which can be asked to do something.
        self.service = service


class StoreError(AggregatorError):
    """The database or the output folder failed; carries the system's own words."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        #: Waiting does not help: the database is damaged, or is none of ours.
        self.lasting = lasting


class CrossedError(StoreError):
    """Two transactions crossed, and this one gave way: nothing of it was stored. `store.failures.again` begins anew."""
