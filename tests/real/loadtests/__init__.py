"""The load generator, in processes of its own: Locust patches what it is imported into."""
