"""Products: the catalogue's products in our shop."""

from pages.dataset import dataset_page

dataset_page.draw("products")
