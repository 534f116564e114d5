"""From the one who hands over to the one who picks up: the prompt, what moved, who has it."""
