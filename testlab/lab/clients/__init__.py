"""Real clients of a registry, run on the lab's hosts without anything of the machine's own."""
