"""What the database refuses whoever asks: changed versions, impossible moves, aliases across models."""

from django.db import migrations

VERSION = """
CREATE FUNCTION ml_models_guard_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('ready', 'rejected', 'retired') AND (
        NEW.model_id, NEW.number, NEW.upload_digest, NEW.upload_bytes, NEW.declared_signature,
        NEW.artefact_digest, NEW.manifest, NEW.engine, NEW.signature, NEW.metrics, NEW.size_bytes,
        NEW.reason_code, NEW.validated_at
    ) IS DISTINCT FROM (
        OLD.model_id, OLD.number, OLD.upload_digest, OLD.upload_bytes, OLD.declared_signature,
        OLD.artefact_digest, OLD.manifest, OLD.engine, OLD.signature, OLD.metrics, OLD.size_bytes,
        OLD.reason_code, OLD.validated_at
    ) THEN
        RAISE EXCEPTION 'A validated model version cannot be changed.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'model_version_immutable';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('uploaded', 'validating'), ('uploaded', 'rejected'),
        ('validating', 'ready'), ('validating', 'rejected'), ('ready', 'retired')
    ) THEN
        RAISE EXCEPTION 'A model version cannot go from % to %.', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'model_version_state_moves';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ml_models_guard_version BEFORE UPDATE ON ml_models_modelversion
    FOR EACH ROW EXECUTE FUNCTION ml_models_guard_version();
"""
VERSION_BACK = """
DROP TRIGGER ml_models_guard_version ON ml_models_modelversion;
DROP FUNCTION ml_models_guard_version();
"""

ALIAS = """
CREATE FUNCTION ml_models_guard_alias() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ml_models_modelversion
        WHERE id = NEW.version_id AND model_id = NEW.model_id AND state = 'ready'
    ) THEN
        RAISE EXCEPTION 'An alias points at a ready version of its own model.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'model_alias_version';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ml_models_guard_alias BEFORE INSERT OR UPDATE ON ml_models_modelalias
    FOR EACH ROW EXECUTE FUNCTION ml_models_guard_alias();
"""
ALIAS_BACK = """
DROP TRIGGER ml_models_guard_alias ON ml_models_modelalias;
DROP FUNCTION ml_models_guard_alias();
"""

BATCH = """
CREATE FUNCTION ml_models_guard_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND NOT (
        NEW.status = 'expired' AND OLD.status NOT IN ('queued', 'running', 'cancelling')
        OR (OLD.status, NEW.status) IN (
            ('queued', 'running'), ('queued', 'cancelling'), ('queued', 'failed'),
            ('queued', 'cancelled'), ('running', 'cancelling'), ('running', 'succeeded'),
            ('running', 'partially_succeeded'), ('running', 'failed'), ('cancelling', 'cancelled')
        )
    ) THEN
        RAISE EXCEPTION 'A batch prediction cannot go from % to %.', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'batch_prediction_status_moves';
    END IF;
    IF OLD.status NOT IN ('queued', 'running', 'cancelling') AND (
        NEW.total_rows, NEW.succeeded_rows, NEW.failed_rows, NEW.version_id, NEW.artefact_digest
    ) IS DISTINCT FROM (
        OLD.total_rows, OLD.succeeded_rows, OLD.failed_rows, OLD.version_id, OLD.artefact_digest
    ) THEN
        RAISE EXCEPTION 'A finished batch prediction cannot be changed.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'batch_prediction_finished';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ml_models_guard_batch BEFORE UPDATE ON ml_models_batchprediction
    FOR EACH ROW EXECUTE FUNCTION ml_models_guard_batch();
"""
BATCH_BACK = """
DROP TRIGGER ml_models_guard_batch ON ml_models_batchprediction;
DROP FUNCTION ml_models_guard_batch();
"""


class Migration(migrations.Migration):
    dependencies = [("ml_models", "0001_initial")]

    operations = [
        migrations.RunSQL(VERSION, VERSION_BACK),
        migrations.RunSQL(ALIAS, ALIAS_BACK),
        migrations.RunSQL(BATCH, BATCH_BACK),
    ]
