"""Networks: the front end they need, their architectures, their bundles, the engines that run them."""
