"""Finds out what a comparison cannot know: renames, drops, and values for rows.

Nothing is guessed: the models say it, an option, or the answer to a question.
"""
