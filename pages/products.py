"""Products: what our shop holds of the catalogue."""

from pages.dataset import dataset_page

dataset_page.draw("products")
