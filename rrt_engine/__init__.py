"""Timescales and thresholds for children's social care in England: compliance flags and suggested pathways, with reasons."""

__version__ = "0.1.0"
