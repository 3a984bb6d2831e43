"""The page of the notes."""

from pages.dataset import dataset_page

dataset_page.draw("notes")
