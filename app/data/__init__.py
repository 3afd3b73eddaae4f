"""The Data page: add data of your own, see what is in them, train on them."""
