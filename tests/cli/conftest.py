import pytest

from tabdiff_lora.cli import main


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Call the command line in an empty folder; return exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as leaving:
            main([str(argument) for argument in arguments])
        return leaving.value.code, *capsys.readouterr()

    return call
