"""How a Keras model is trained, judged against baselines and written to files; knows no Django."""
