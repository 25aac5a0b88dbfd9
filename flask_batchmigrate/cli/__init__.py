"""The command line: options in, one call, lines out.

No other package prints or ends the process.
"""

from . import db_commands  # noqa: F401 - registers the commands
from . import status_command  # noqa: F401
from .group import db as db

__all__ = ["db"]
