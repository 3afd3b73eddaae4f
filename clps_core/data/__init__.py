"""Tasks and their data, without torch. Start at registry.load_task and base.TaskData."""
