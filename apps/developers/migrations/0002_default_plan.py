"""The plan that holds for whoever was given none. Staff edit it; this only makes it once."""

from django.db import migrations

# burst, sustained, daily, concurrent
LIMITS = {
    "default": (100, 6_000, 500_000, 50),
    "predict": (20_000, 600_000, 50_000_000, 500),
    "batch": (10, 60, 5_000, 10),
    "upload": (5, 20, 500, 4),
}


def make_default_plan(apps, schema_editor):
    Plan = apps.get_model("developers", "Plan")
    PlanLimit = apps.get_model("developers", "PlanLimit")
    plan, _ = Plan.objects.get_or_create(
        name="default",
        defaults={
            "title": "Default",
            "description": "Holds for everybody who was given no other plan.",
            "is_default": True,
        },
    )
    for work, (burst, sustained, daily, concurrent) in LIMITS.items():
        PlanLimit.objects.get_or_create(
            plan=plan,
            work=work,
            defaults={
                "burst": burst,
                "sustained": sustained,
                "daily": daily,
                "concurrent": concurrent,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("developers", "0001_initial")]

    operations = [migrations.RunPython(make_default_plan, migrations.RunPython.noop)]
