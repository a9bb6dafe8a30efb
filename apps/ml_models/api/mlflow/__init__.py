"""MLflow's model registry, as its public client speaks it: another door to the same registry.

`MlflowClient(tracking_uri="https://host/mlflow")` registers models, uploads and registers versions,
waits until they are READY, sets aliases and tags, and searches. The shapes are those of
mlflow/protos/model_registry.proto; the rules are ours. docs/subsystems/mlflow.md has the cases.
"""
