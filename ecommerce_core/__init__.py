"""The e-commerce operations dashboard, without its pages."""

__version__ = "0.1.0"
