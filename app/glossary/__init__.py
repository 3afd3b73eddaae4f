"""The glossary: every term and symbol of the pages, searchable."""
