"""A run on Flink, Dataflow or Prism: submitted, waited for and accounted for."""
