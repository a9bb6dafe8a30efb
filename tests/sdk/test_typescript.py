"""The TypeScript types are well made, and a program on them compiles as strictly as there is."""

import json
import shutil
from pathlib import Path

import pytest

from sdk import typescript
from sdk.node import tool
from sdk.programs import run

PROGRAM = Path(__file__).parent / "programs" / "caller.ts"
STRICT = {
    "strict": True,
    "noEmit": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "target": "es2022",
    "module": "nodenext",
    "lib": ["es2022", "dom"],
}


class TestTypescript:
    @pytest.mark.timeout(300)
    def test_types_a_program_that_is_checked_strictly(self, typescript_kit, tmp_path):
        shutil.copy(PROGRAM, tmp_path / "caller.ts")
        shutil.copytree(typescript_kit, tmp_path / "node_modules" / "agora-types")
        settings = {"compilerOptions": STRICT, "files": ["caller.ts"]}
        (tmp_path / "tsconfig.json").write_text(json.dumps(settings))

        run(*tool("typescript", "bin/tsc"), "--project", str(tmp_path), folder=tmp_path)

    def test_are_the_same_at_every_build(self, document, typescript_kit, tmp_path):
        typescript.build(document, tmp_path / "again")

        for path in typescript_kit.iterdir():
            assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
