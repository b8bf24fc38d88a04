"""The built data set: its files on disk or in a store, what each of them says, reading and writing them."""
