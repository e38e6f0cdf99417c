"""A front end for tests of the process model: whatever it is told in one line, it answers in one line."""
