"""What announces new tracks to a stream: listings made again and again, and Pub/Sub."""
