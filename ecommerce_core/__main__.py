"""``python -m ecommerce_core``: the command line."""

from ecommerce_core.cli import cli

__all__ = ["cli"]

if __name__ == "__main__":
    cli(prog_name="python -m ecommerce_core")
