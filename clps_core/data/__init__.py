"""What every task's data look like, without torch. Start at base.TaskData and registry.load_task."""
