"""Tables as Parquet files in a folder or below a URL, and the commits that make them visible."""
