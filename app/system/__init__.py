"""The System page: what this machine is doing."""
