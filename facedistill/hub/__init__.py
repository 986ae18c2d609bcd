"""A network for others: the folder that the Hugging Face Hub expects, with a card that says what it can and cannot."""
