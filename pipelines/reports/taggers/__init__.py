"""What commands about taggers print: a training, an evaluation, promotions, drift."""
