"""One module for each way of running a model, behind the Loader protocol."""
