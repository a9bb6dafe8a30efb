"""What the database refuses whoever asks: an origin that is edited; and a move back that it allows.

A validation that this machine cannot confine goes back to where it waits. The code of the last
release never makes that move, so it loses nothing by its being allowed.
"""

from django.db import migrations

VERSION = """
CREATE OR REPLACE FUNCTION ml_models_guard_version() RETURNS trigger LANGUAGE plpgsql AS $$
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
        ('validating', 'ready'), ('validating', 'rejected'), {moves}('ready', 'retired')
    ) THEN
        RAISE EXCEPTION 'A model version cannot go from % to %.', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'model_version_state_moves';
    END IF;
    RETURN NEW;
END $$;
"""
WITH_THE_MOVE_BACK = VERSION.replace("{moves}", "('validating', 'uploaded'), ")
AS_IT_WAS = VERSION.replace("{moves}", "")

ORIGIN = """
CREATE FUNCTION ml_models_guard_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (
        NEW.version_id, NEW.training_data_digest, NEW.training, NEW.frameworks, NEW.run_id,
        NEW.source, NEW.parent_id
    ) IS DISTINCT FROM (
        OLD.version_id, OLD.training_data_digest, OLD.training, OLD.frameworks, OLD.run_id,
        OLD.source, OLD.parent_id
    ) THEN
        RAISE EXCEPTION 'The origin of a model version cannot be changed.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'version_card_origin';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ml_models_guard_card BEFORE UPDATE ON ml_models_versioncard
    FOR EACH ROW EXECUTE FUNCTION ml_models_guard_card();
"""
ORIGIN_BACK = """
DROP TRIGGER ml_models_guard_card ON ml_models_versioncard;
DROP FUNCTION ml_models_guard_card();
"""


class Migration(migrations.Migration):
    dependencies = [("ml_models", "0011_uploads")]

    operations = [
        migrations.RunSQL(WITH_THE_MOVE_BACK, AS_IT_WAS),
        migrations.RunSQL(ORIGIN, ORIGIN_BACK),
    ]
