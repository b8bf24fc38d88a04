"""Tables in a BigQuery dataset: loads and merges, streaming inserts, the Storage Write API."""
