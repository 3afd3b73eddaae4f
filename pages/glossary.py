"""What does this word mean? Every term and symbol of the pages, to search."""

from app.glossary.view import glossary
from app.look.frame import header

header("glossary")
glossary()
