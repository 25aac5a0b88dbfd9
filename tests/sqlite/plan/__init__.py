"""Tests of plans: the way, the steps, their run and their proof."""
