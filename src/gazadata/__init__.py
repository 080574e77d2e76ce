"""gazadata: diplomacy over a proposed International Stabilization Force for Gaza, as data.

Hand-curated tables from one news article, in which every cell can show the words it rests on.

    >>> import gazadata
    >>> events = gazadata.load("events")
    >>> print(gazadata.open_dataset().explain("events", "doha-negotiations"))
"""

# Importing `typing` and `__future__` would double the time of the import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from gazadata.dataset import Dataset as Dataset
    from gazadata.errors import GazadataError as GazadataError
    from gazadata.opening import load as load
    from gazadata.opening import open_dataset as open_dataset

    __version__: str

__all__ = ["Dataset", "GazadataError", "__version__", "load", "open_dataset"]

_HOME = {
    "Dataset": "gazadata.dataset",
    "GazadataError": "gazadata.errors",
    "load": "gazadata.opening",
    "open_dataset": "gazadata.opening",
}


def __getattr__(name: str) -> object:
    # Importing the package must cost next to nothing, so the parts load on first use.
    if name == "__version__":
        from gazadata.package import bundled_version

        return bundled_version()
    if name not in _HOME:
        raise AttributeError(f"module 'gazadata' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
