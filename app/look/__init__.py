"""How things look and read on every page: colours, numbers, figures, tables, the frame, what says that it waits."""
