"""What the pages that ask trained models share."""
