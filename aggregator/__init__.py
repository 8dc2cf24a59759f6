"""Many sources in, few feeds worth subscribing to out. Start reading at `pipeline.py`."""

__version__ = "0.1.0"
