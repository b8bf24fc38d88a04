"""Pages for people: one file each that asks nothing of any other, from a template, with drawings as SVG."""
