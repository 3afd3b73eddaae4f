"""A person's own image as an input: drawn, or uploaded as a picture. Start at image_field."""
