"""CNN architectures, the loader of tagger bundles and the engines that run them."""
