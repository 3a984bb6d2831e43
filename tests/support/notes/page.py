"""Notes: what was noted about deliveries."""

from pages.dataset import dataset_page

dataset_page.draw("notes")
