"""A class on a shared server: joining it (joining.py), and what its teacher sees (room.py)."""
