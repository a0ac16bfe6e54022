"""What the program leaves with."""

DONE, USER_ERROR, THRESHOLD_MISSED = 0, 1, 2
