"""The command line: quick help, one line per mistake, results on standard output and progress on standard error."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora import __version__
from tabdiff_lora.cli import main, program

COMMANDS = [command.__name__ for group in program.COMMANDS.values() for command in group]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_answers_at_once_and_loads_nothing_heavy(command):
    code = f"import sys; sys.argv = ['tabdiff-lora', *{[command] if command else []!r}, '--help']\n"
    code += "from tabdiff_lora.cli import main\ntry: main()\nfinally: print('|', *sys.modules)"
    best = np.inf
    for _ in range(3):
        before = os.times()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        after = os.times()
        best = min(best, after.children_user + after.children_system - before.children_user - before.children_system)
        if best < 0.5:
            break
    text, modules = done.stdout.rsplit("|", 1)
    assert all(name in text for name in ([command] if command else COMMANDS))
    assert {"numpy", "pandas", "torch", "sklearn"}.isdisjoint(modules.split())
    assert best < 0.5


def test_without_arguments_it_helps(run):
    code, out, _ = run()
    assert code == 0
    assert "Usage" in out


def test_version(run):
    assert run("--version") == (0, f"tabdiff-lora {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'."),
        (["demo", "--nonsense"], "No such option: --nonsense"),
        (["demo", "--seed", "one"], "Invalid value for '--seed'"),
        (["demo", "--table", "absent.csv"], "table 'absent.csv' must be a file."),
        (["demo", "--table", "t.csv", "--target", "colour"], "target must be a column of the table (x). Got 'colour'"),
        (["demo", "--table", "t.csv"], "table must have at least 8 rows"),
        (["demo", "--output", "absent/r.html"], "folder of output must exist. Got 'absent/r.html' instead."),
        (["benchmark", "absent"], "tables must be in the folder 'absent' (none) or known by name (abalone, "),
        (["benchmark", ".", "--tables", "titanic"], "tables must be in the folder '.' (toy) or known by name"),
        (["benchmark", "--tables", "buddy"], "tables must be in the folder DATA (not given)"),
        (["benchmark", ".", "--protocol", "fair"], "name of a protocol must be one of equal, tabddpm."),
        (["benchmark", ".", "--protocol", "equal(n_draws=1)"], "arguments of protocol 'equal' must be among ['n_rows"),
        (["benchmark", ".", "--synthesizers", "gan"], "name of a competitor must be one of default,"),
        (["benchmark", ".", "--seeds", "a"], "seeds must be whole numbers"),
        (["benchmark", ".", "--max-time", "soon"], "max_time must be a positive number of seconds"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(run, tmp_path, arguments, message):
    (tmp_path / "t.csv").write_text("x\n1\n2\n")
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "meta.json").write_text("{}")
    code, out, err = run(*arguments)
    assert code == 1
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_threads_are_told_how_long_to_spin_before_torch_is_loaded():
    code = "import os, sys; from tabdiff_lora.cli import main\ntry: main(['--version'])\n"
    code += "finally: print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "10000 False"


def test_debug_shows_where_an_error_comes_from(run):
    code, _, err = run("--debug", "demo", "--table", "absent.csv")
    assert code == 1
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("error: ")


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch):
    def broken(path):
        raise RuntimeError("ours")

    monkeypatch.setattr("tabdiff_lora.tablefile.read_table", broken)
    with pytest.raises(RuntimeError, match="ours"):
        main(["demo", "--table", "t.csv"])


def test_completion_knows_the_commands_of_the_shell():
    environment = os.environ | {
        "_TABDIFF_LORA_COMPLETE": "complete_bash",
        "COMP_WORDS": "tabdiff-lora e",
        "COMP_CWORD": "1",
    }
    code = "from tabdiff_lora.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["explore", "evaluate"]


def test_warnings_are_one_line(run, monkeypatch):
    def warn(path):
        warnings.warn("two\nlines", UserWarning, stacklevel=1)
        raise ValueError("and an end")

    monkeypatch.setattr("tabdiff_lora.tablefile.read_table", warn)
    assert run("explore", "t.csv") == (1, "", "warning: two lines\nerror: and an end\n")
    assert run("--quiet", "explore", "t.csv") == (1, "", "warning: two lines\nerror: and an end\n")


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(tmp_path):
    pd.DataFrame({"x": range(9), "y": 1.5}).to_csv(tmp_path / "t.csv", index=False)
    command = f"{sys.executable} -m tabdiff_lora inspect {tmp_path / 't.csv'} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")
