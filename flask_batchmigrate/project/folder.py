"""Finds the migrations folder, and reads its files without running them.

The error classes are imported where one is raised, because they load Alembic, which is
not needed to find a database up to date.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import tempfile
import types

from flask import Flask

from ..value_classes import value_class
from .revision_files import refuse_nul


@value_class
class Folder:
    """A migrations folder, which need not exist yet.

    :param path: its absolute path.
    :param passed_over: a folder that the user may mean, but that may belong to another
        application.
    :param sourceless: whether compiled files replace missing sources, as with Alembic's
        option of that name.
    """

    path: pathlib.Path
    passed_over: pathlib.Path | None = None
    sourceless: bool = False

    @property
    def exists(self) -> bool:
        """Whether the folder exists."""
        return self.path.is_dir()

    @property
    def about_passed_over(self) -> str:
        """A sentence about the folder that was passed over, if there is one."""
        if self.passed_over is None:
            return ""
        return (
            f"'{self.passed_over}' is not used: it may belong to another application. "
        )

    @property
    def env(self) -> pathlib.Path:
        """The user's ``env.py``, or its compiled file, which need not exist.

        As in Alembic, an ``env.pyc`` in its place needs no option. A file in
        ``__pycache__`` needs ``sourceless``, because it stays there when ``env.py`` is
        deleted.
        """
        source = self.path / "env.py"
        compiled = [source.with_suffix(".pyc")]
        if self.sourceless:
            cached = importlib.util.cache_from_source(os.fspath(source))
            compiled.append(pathlib.Path(cached))
        return next(filter(pathlib.Path.is_file, [source, *compiled]), source)

    @property
    def script_template(self) -> pathlib.Path:
        """The user's template for revision files, which need not exist."""
        return self.path / "script.py.mako"

    def require(self) -> None:
        """Require that the folder exists.

        :raises MigrationFolderError: it does not.
        """
        if not self.exists:
            from ..errors import MigrationFolderError

            problem = f"There is no migrations folder '{self.path}'. "
            raise MigrationFolderError(
                f"{problem}{self.about_passed_over}".rstrip(),
                "Write the first migration with 'flask db migrate', or set "
                "'BATCHMIGRATE_DIRECTORY' to the path of the folder.",
                path=self.path,
            )

    def require_writable(self) -> None:
        """Require that a revision file can be written.

        :raises MigrationFolderError: the folder is not writable.
        """
        place = self.path / "versions"
        while not place.exists():
            place = place.parent
        try:
            # Permissions do not show it, least of all for the superuser.
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            from ..errors import MigrationFolderError

            raise MigrationFolderError(
                f"Nothing can be written to '{self.path}': '{place}': {error.strerror}",
                "Make it writable, or choose another folder.",
                path=self.path,
            ) from error

    def load_env(self) -> types.CodeType | None:
        """Return the code of the user's ``env.py``; None if there is no such file.

        :raises BrokenScript: it is not valid Python.
        """
        if not self.env.is_file():
            return None
        if self.env.suffix == ".pyc":
            return self._load_compiled()
        try:
            source = self.env.read_bytes()
            refuse_nul(self.env, source.decode("latin-1"))
            return compile(source, str(self.env), "exec", dont_inherit=True)
        except SyntaxError as error:
            from ..errors import BrokenScript

            raise BrokenScript(
                f"'{self.env}', line {error.lineno}: {error.msg}",
                "Correct the file.",
                path=self.env,
                line=error.lineno,
            ) from error

    def _load_compiled(self) -> types.CodeType | None:
        loader = importlib.machinery.SourcelessFileLoader("env_py", str(self.env))
        try:
            if not self.env.read_bytes().startswith(importlib.util.MAGIC_NUMBER):
                raise ValueError("it is of another version of Python, or damaged")
            return loader.get_code("env_py")
        except (EOFError, TypeError, ValueError) as error:
            from ..errors import BrokenScript

            raise BrokenScript(
                f"'{self.env}' cannot be loaded: {error}",
                "Compile 'env.py' again with this version of Python.",
                path=self.env,
            ) from error


def locate(app: Flask, directory: str | os.PathLike[str]) -> Folder:
    """Find the migrations folder of an application.

    A relative path is looked for in the current directory, in the application's root
    path and, if that is a package, beside the package. If it is in none of these, it
    means the current directory. A folder above an application that is a single module,
    or above the current directory in a package, may belong to another application.
    """
    here, root = pathlib.Path.cwd(), pathlib.Path(app.root_path)
    places = [here, root]
    above = _absolute(root.parent / directory)
    if _is_package(app, root) and not here.is_relative_to(root.resolve()):
        places.append(root.parent)
    existing = [place / directory for place in places if (place / directory).is_dir()]
    if existing:
        return Folder(_absolute(existing[0]))
    return Folder(
        _absolute(places[0] / directory), passed_over=above if above.is_dir() else None
    )


def _absolute(path: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(os.path.abspath(path))  # noqa: PTH100 - keeps links


def _is_package(app: Flask, root: pathlib.Path) -> bool:
    """Return whether an application's root path is a package, or is in one."""
    module = sys.modules.get(app.import_name)
    is_namespace = "." in app.import_name or hasattr(module, "__path__")
    return is_namespace or (root / "__init__.py").is_file()
