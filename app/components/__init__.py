"""What pages are made of. Components take plain records, draw them, and return what a person chose."""
