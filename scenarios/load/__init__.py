"""Load: a scenario's arrivals as requests in real time, their prediction, and what a run of either leaves behind."""
