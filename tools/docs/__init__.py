"""Write the pages of the documentation that say what the code does."""
