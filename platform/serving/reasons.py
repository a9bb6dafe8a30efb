"""Why an upload is rejected or a version is not loaded: every reason code, each explained once."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NoReturn, Self

from serving.errors import ArtefactError

KILLED = re.compile(r"sandbox_killed:(SIG[A-Z0-9]{1,16}|[0-9]{1,3})")
"""The one code with a tail: which signal ended the process."""


class ReasonCode(StrEnum):
    """A stable code and what it means to whoever uploaded the model, in one sentence."""

    explanation: str

    def __new__(cls, value: str, explanation: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member

    # The upload and its signature.
    UPLOAD_MISSING = "upload_missing", "The uploaded file is no longer stored: upload it again."
    SIGNATURE_INVALID = "signature_invalid", "The signature document cannot be used."
    SIGNATURE_MISMATCH = "signature_mismatch", "The signature document does not fit the model."
    INPUT_SHAPE_UNKNOWN = "input_shape_unknown", "An input's shape is not fixed beyond its batch."
    OUTPUT_SHAPE_UNKNOWN = "output_shape_unknown", "An output's shape is not fixed."
    OUTPUT_TYPE_UNSUPPORTED = "output_type_unsupported", "An output is neither floats nor integers."

    # The archive, before anything in it is read.
    NOT_A_KERAS_FILE = "not_a_keras_file", "The file is not a .keras archive, or it is damaged."
    ARCHIVE_MEMBERS = (
        "archive_members",
        "The archive must hold config.json, metadata.json and model.weights.h5, and nothing else.",
    )
    ARCHIVE_DUPLICATE_MEMBER = (
        "archive_duplicate_member",
        "A member is there twice: two readers would see two different models.",
    )
    ARCHIVE_MEMBER_NAME = (
        "archive_member_name",
        "A member's name is no plain file name: it climbs, is absolute or hides its end.",
    )
    ARCHIVE_MEMBER_MODE = "archive_member_mode", "A member is a link or a device, not a file."
    ARCHIVE_TOO_LARGE = "archive_too_large", "The file, or what it unpacks to, is too large."
    ARCHIVE_RATIO = "archive_ratio", "A member unpacks to many times its size, as no weights do."
    ARCHIVE_SIZE_MISMATCH = (
        "archive_size_mismatch",
        "A member unpacks to another size than it declares.",
    )
    ARCHIVE_CHECKSUM = "archive_checksum", "A member does not have the checksum that it declares."
    ARCHIVE_ENCRYPTED = "archive_encrypted", "A member is encrypted."
    ARCHIVE_COMPRESSION = (
        "archive_compression",
        "A member is packed in another way than stored or deflated.",
    )
    ARCHIVE_OVERLAP = "archive_overlap", "Members overlap, or bytes lie between them."
    ARCHIVE_HEADER_MISMATCH = (
        "archive_header_mismatch",
        "A member's own header says something else than the archive's directory.",
    )
    ARCHIVE_LEADING_BYTES = "archive_leading_bytes", "Something stands before the archive."
    ARCHIVE_TRAILING_BYTES = (
        "archive_trailing_bytes",
        "Something follows the archive, a comment included.",
    )
    ARCHIVE_ZIP64 = "archive_zip64", "The archive uses the zip64 extension, which no model needs."
    ARCHIVE_EXTRA_FIELD = (
        "archive_extra_field",
        "A member has extra fields or a comment, which are not read.",
    )

    # config.json and metadata.json.
    CONFIG_INVALID = "config_invalid", "The configuration is no such JSON as Keras writes."
    CONFIG_TOO_LARGE = "config_too_large", "The configuration has too many bytes or values."
    CONFIG_TOO_DEEP = "config_too_deep", "The configuration is nested too deeply."
    ROOT_NOT_A_MODEL = (
        "root_not_a_model",
        "The outermost object must be a Functional or Sequential model, whose graph is data.",
    )
    CLASS_NOT_ALLOWED = (
        "class_not_allowed",
        "A class or function is named that is not on the list of what may be loaded.",
    )
    MEMBER_UNKNOWN = "member_unknown", "An object has a member that Keras does not write."
    VALUE_NOT_ALLOWED = (
        "value_not_allowed",
        "An argument has a value outside its fixed set, such as an unknown activation.",
    )
    VALUE_OUT_OF_RANGE = (
        "value_out_of_range",
        "A number is not finite, negative where it must not be, or larger than is allowed.",
    )
    LAYER_NAME_INVALID = (
        "layer_name_invalid",
        "A name has other characters than letters, digits, '_', '.' and '-', or is too long.",
    )
    TOO_MANY_LAYERS = "too_many_layers", "The model has more layers than are allowed."
    TOO_MANY_PARAMETERS = "too_many_parameters", "The model implies more parameters than allowed."
    TENSOR_TOO_LARGE = (
        "tensor_too_large",
        "An input or a layer's output has more elements a row than are allowed.",
    )
    GRAPH_INVALID = "graph_invalid", "The layers' connections are cyclic or lead nowhere."

    # model.weights.h5, inside the sandbox.
    WEIGHTS_INVALID = "weights_invalid", "The weights are not readable HDF5."
    WEIGHTS_LINK = "weights_link", "The weights have a soft link, or an object is reached twice."
    WEIGHTS_EXTERNAL = "weights_external", "The weights point to another file."
    WEIGHTS_VIRTUAL = "weights_virtual", "The weights have a virtual dataset."
    WEIGHTS_FILTERED = "weights_filtered", "The weights are chunked or compressed."
    WEIGHTS_SIZE = "weights_size", "The weights declare more than the file holds or may hold."
    WEIGHTS_DTYPE = "weights_dtype", "The weights have a type that is no plain number."
    WEIGHTS_NOT_FINITE = "weights_not_finite", "The weights have NaN or infinity."
    WEIGHTS_MISMATCH = (
        "weights_mismatch",
        "The weights are not those of the configuration: one is missing, extra or misshapen.",
    )

    # The trial in the sandbox.
    LOAD_FAILED = "load_failed", "Keras cannot load and run the model."
    LOAD_TIMEOUT = "load_timeout", "Loading and trying the model takes too long."
    MEMORY_LIMIT = "memory_limit", "The model needs more memory than it may have."
    MEMORY_GROWTH = "memory_growth", "The model's memory grows with each call."
    FILE_LIMIT = "file_limit", "The model needs larger files than it may write."
    TRIAL_TOO_SLOW = "trial_too_slow", "One prediction takes longer than a caller would wait."
    GLOBAL_STATE_CHANGED = (
        "global_state_changed",
        "Loading the model changed a setting of the whole process.",
    )
    OUTPUT_NOT_FINITE = "output_not_finite", "The model answers with NaN or infinity."
    OUTPUT_INVALID = "output_invalid", "The model answers with another shape or type than it said."
    NOT_DETERMINISTIC = "not_deterministic", "The same row twice gets two different answers."
    ROWS_NOT_INDEPENDENT = (
        "rows_not_independent",
        "A row alone gets another answer than the same row among others.",
    )
    SANDBOX_INCOMPLETE = (
        "sandbox_incomplete",
        "This machine cannot confine a validation as is required: the platform's fault.",
    )
    SANDBOX_FAILED = "sandbox_failed", "The validation ended without a readable result."
    SANDBOX_KILLED = "sandbox_killed", "The validation was killed; the signal follows the colon."

    # The rebuild from plain data, and the engines.
    REBUILD_FAILED = "rebuild_failed", "The model cannot be rebuilt from its configuration."
    REBUILD_DIFFERS = "rebuild_differs", "The model, rebuilt from plain data, answers differently."
    PLAIN_DATA_INVALID = "plain_data_invalid", "What the trial handed over is not plain data."
    NOT_CONVERTIBLE = "not_convertible", "LiteRT's operations do not cover this model."
    PARITY = "parity", "The LiteRT form answers differently from TensorFlow."
    LITERT_FAILED = "litert_failed", "LiteRT cannot run its form of the model."

    # The validated artefact, when it is stored and when it is loaded.
    MANIFEST_INVALID = "manifest_invalid", "The manifest cannot be read."
    MANIFEST_VERSION_UNKNOWN = "manifest_version_unknown", "The manifest is of a newer platform."
    MANIFEST_DIGEST_MISMATCH = "manifest_digest_mismatch", "The manifest is not as validated."
    DIGEST_MISMATCH = "digest_mismatch", "A file is not the one that was validated."
    GOLDEN_INVALID = "golden_invalid", "The golden set cannot be read."
    GOLDEN_MISMATCH = "golden_mismatch", "The loaded model does not answer as it was validated."
    ARTEFACT_MISSING = "artefact_missing", "A file of the version is not stored here."
    WORKER_LOST = "worker_lost", "The validating worker went away each time it was tried."


def explained(reason_code: str) -> str:
    """What a stored code means, also with a signal behind it; "" for one that is unknown."""
    head = "sandbox_killed" if KILLED.fullmatch(reason_code) else reason_code
    return next((reason.explanation for reason in ReasonCode if reason == head), "")


def refuse(reason: ReasonCode, pointer: str, detail: str) -> NoReturn:
    """Raise ArtefactError; the pointer is RFC 6901, or "" for the whole."""
    raise ArtefactError(reason.value, pointer, detail)
