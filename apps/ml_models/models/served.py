"""What each process serves, told by itself every few seconds, for operators."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.ml_models.models.registry import ModelVersion


class ServingProcess(models.Model):
    """One process with a serving runtime; an old heartbeat means that it is dead."""

    class Role(models.TextChoices):
        WEB = "web", "Web"
        WORKER = "worker", "Worker"

    id = models.UUIDField(
        primary_key=True, editable=False, help_text="Made when the process started."
    )
    role = models.CharField(max_length=16, choices=Role)
    host = models.CharField(max_length=255, help_text="Name of the machine.")
    pid = models.PositiveIntegerField(help_text="Process id on that machine.")
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now(), help_text="By the database's clock.")
    generation = models.PositiveBigIntegerField(
        default=0, help_text="The routing generation it answers by."
    )
    rss_bytes = models.PositiveBigIntegerField(default=0, help_text="Resident memory.")
    budget_bytes = models.PositiveBigIntegerField(
        db_default=0, help_text="What all versions together may take here."
    )
    loaded_bytes = models.PositiveBigIntegerField(
        db_default=0, help_text="What the versions in memory take, as measured or estimated."
    )
    loads = models.PositiveIntegerField(db_default=0, help_text="Versions loaded since its start.")
    retiring = models.BooleanField(
        db_default=False, help_text="Over its soft limit of memory: another takes its place."
    )

    class Meta:
        verbose_name_plural = "serving processes"
        constraints = [
            models.CheckConstraint(
                name="serving_process_role_known", condition=Q(role__in=["web", "worker"])
            ),
        ]
        indexes = [models.Index(fields=["heartbeat_at"], name="serving_process_heartbeat")]

    def __str__(self) -> str:
        return f"{self.role} {self.pid} on {self.host}"


class ServedVersion(models.Model):
    """How far one version is in one process, in TensorFlow Serving's states."""

    class State(models.TextChoices):
        START = "start", "Start"
        LOADING = "loading", "Loading"
        AVAILABLE = "available", "Available"
        UNLOADING = "unloading", "Unloading"
        END = "end", "End"

    process = models.ForeignKey(ServingProcess, on_delete=models.CASCADE, related_name="versions")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="served_by")
    state = models.CharField(max_length=16, choices=State)
    detail = models.CharField(max_length=500, blank=True, help_text="Why it is not available.")
    engine = models.CharField(max_length=16, blank=True, help_text="litert or tensorflow.")
    bytes = models.PositiveBigIntegerField(default=0, help_text="Memory reckoned for it.")
    measured_bytes = models.PositiveBigIntegerField(
        db_default=0, help_text="What loading it added to resident memory; 0: not known."
    )
    warm_up_ms = models.FloatField(default=0.0, help_text="Milliseconds its warm-up took.")
    since = models.DateTimeField(db_default=Now(), help_text="In this state since.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["process", "version"], name="served_version_unique"),
            models.CheckConstraint(
                name="served_version_state_known",
                condition=Q(state__in=["start", "loading", "available", "unloading", "end"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.state} in {self.process_id}"
