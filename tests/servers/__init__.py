"""Real servers on loopback for the tests: object storage, BigQuery, Pub/Sub, and their faults."""
